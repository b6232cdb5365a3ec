"""The mirror: whole passes, the last good copy when one fails, one leader at a time."""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from opportunities import mirror
from opportunities.clock import SystemClock
from opportunities.delivery import connection
from opportunities.mirror import reader
from opportunities.models import (
    Book,
    Budget,
    Hold,
    Household,
    Instance,
    Lease,
    Member,
    MirrorRevision,
    Opportunity,
    Stage,
    SyncState,
)
from opportunities.runtime import breaker, leases
from opportunities.runtime.budget import Share
from opportunities.sandbox import deals
from opportunities.sandbox.store import SWITCHES
from opportunities.slant.errors import SlantNoAnswer
from opportunities.trail.audit import Actor
from tests.mirror.conftest import differences, one_pass, undone
from tests.support.slant_box import SlantBox, TurnedClock


def turn(box: SlantBox, clock: TurnedClock, worker: str = "w") -> bool:
    """What a worker's round does for the mirror: a turn at what is due."""
    slant = connection.metered(box.client(), Share.SYNC, clock)
    return mirror.sync_if_due(slant, worker=Actor.worker(worker), clock=clock)


def reads(box: SlantBox, path: str) -> list[dict[str, Any]]:
    return [request for request in box.requests if request["method"] == "GET" and request["path"] == path]


def lose_access(box: SlantBox, book_id: str) -> None:
    """The owner of our token is taken out of a book, and Slant says 403 rather than 404 to that (Slant API
    10.5).
    """
    box.control(switches={"no_access": "403"})
    box.store.put("user", box.store.tables["user"]["u_4hd81k"] | {"admin": False})
    book = box.store.tables["book"][book_id]
    left = {user: role for user, role in book["members"].items() if user != "u_4hd81k"}
    box.store.put("book", book | {"members": left})


def page_of(request: dict[str, Any]) -> int:
    query = request["query"]
    return int(query["page"] if isinstance(query, dict) else parse_qs(query)["page"][0])


def test_a_first_pass_brings_the_whole_firm(db: None, box: SlantBox, clock: TurnedClock) -> None:
    assert one_pass(box, clock)

    assert Book.objects.get(pk="bk_pine01").name == "Mara's Book"
    assert Member.objects.filter(book="bk_pine01", user_id="u_9xw20c", role="contributor").exists()
    assert [stage.name for stage in Stage.objects.filter(pipeline="pl_newbiz")][:2] == [
        "Identified",
        "Connected",
    ]
    assert Household.objects.get(pk="hh_okonkwo").kind == "prospect"
    assert Opportunity.objects.get(pk="op_71qz5d").name == "Okonkwo rollover"


def test_stages_keep_the_order_the_client_reads_whatever_slant_numbers_them(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    stages = box.store.tables["pipeline"]["pl_newbiz"]["pipeline_stages"]
    orders = [None, 2, 10**30, 0, None, -(10**30), 2]
    box.edit(
        "pl_newbiz",
        pipeline_stages=[
            {**stage, "stage_order": order} for stage, order in zip(stages, orders, strict=True)
        ],
    )

    assert one_pass(box, clock)

    kept = [stage.pk for stage in Stage.objects.filter(pipeline="pl_newbiz")]
    client = next(
        line for page in box.client().pipeline_pages() for line in page.items if line.id == "pl_newbiz"
    )
    assert kept == [stage.id for stage in client.stages]
    assert kept == [stages[place]["id"] for place in (5, 3, 1, 6, 2, 0, 4)]


Stages = list[dict[str, Any]]
CHANGES: dict[str, Callable[[Stages], Stages]] = {
    "renamed": lambda stages: [stages[0] | {"name": "Looked at"}, *stages[1:]],
    "hidden": lambda stages: [stages[0] | {"visible": False}, *stages[1:]],
    "reordered": lambda stages: [stages[0] | {"stage_order": 9}, *stages[1:]],
    "put elsewhere in the list": lambda stages: [
        one | {"stage_order": None} for one in (stages[1], stages[0], *stages[2:])
    ],
    "weighed otherwise": lambda stages: [stages[0] | {"default_probability": 11}, *stages[1:]],
    "removed": lambda stages: stages[:2] + stages[3:],
    "added": lambda stages: [*stages, stages[0] | {"id": "st_new", "name": "New", "stage_order": 8}],
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_of_stages_raises_the_revision_of_pipelines_once(
    db: None, box: SlantBox, clock: TurnedClock, how: str
) -> None:
    one_pass(box, clock)
    one_pass(box, clock)
    before = MirrorRevision.objects.get().pipelines
    assert before == 1, "the same stages raise nothing"

    stages = box.store.tables["pipeline"]["pl_newbiz"]["pipeline_stages"]
    box.edit("pl_newbiz", pipeline_stages=CHANGES[how](stages))
    one_pass(box, clock)
    one_pass(box, clock)

    assert MirrorRevision.objects.get().pipelines == before + 1


def test_nothing_of_a_household_is_kept_but_four_fields(db: None, box: SlantBox, clock: TurnedClock) -> None:
    one_pass(box, clock)

    kept = {column.attname for column in Household._meta.concrete_fields}
    assert kept == {"id", "name", "type", "book_id", "gone_at"}


def test_a_failed_pass_leaves_the_last_good_copy_and_says_so(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    before = SyncState.objects.get(pk="books").finished_at
    box.down = True
    clock.turn(minutes=5)

    assert not one_pass(box, clock)

    state = SyncState.objects.get(pk="books")
    assert (state.finished_at, state.failed_at) == (before, clock.now())
    assert state.failure
    assert Book.objects.filter(gone_at=None).exists()


def test_who_leaves_a_book_in_slant_leaves_it_here(db: None, box: SlantBox, clock: TurnedClock) -> None:
    one_pass(box, clock)
    book = box.store.tables["book"]["bk_pine01"]
    members = {user: role for user, role in book["members"].items() if user != "u_9xw20c"}
    box.store.put("book", book | {"members": members})
    left = Member.objects.filter(book="bk_pine01").count()

    one_pass(box, clock)

    assert Member.objects.filter(book="bk_pine01").count() == left - 1
    assert not Member.objects.filter(book="bk_pine01", user_id="u_9xw20c").exists()


def test_a_household_gone_from_slant_is_marked_and_comes_back(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    gone = box.store.remove("household", "hh_okonkwo")
    one_pass(box, clock)
    assert Household.objects.get(pk="hh_okonkwo").gone_at == clock.now()

    box.store.put("household", gone)
    one_pass(box, clock)
    assert Household.objects.get(pk="hh_okonkwo").gone_at is None


def test_an_older_copy_of_a_deal_never_replaces_a_newer_one(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    later = clock.now()
    Opportunity.objects.filter(pk="op_71qz5d").update(name="Renamed here", updated_at=later)
    clock.turn(minutes=10)

    one_pass(box, clock)

    assert Opportunity.objects.get(pk="op_71qz5d").name == "Renamed here"


def test_either_reading_of_every_open_point_is_tolerated(db: None) -> None:
    for name, values in SWITCHES.items():
        for value in values[1:]:
            with undone():
                clock = TurnedClock()
                box = SlantBox(clock, opportunities=8)
                box.control(switches={name: value})

                assert one_pass(box, clock), f"{name}: {value}"
                if name.startswith("list"):
                    clock.turn(minutes=2)
                    box.edit("op_71qz5d", value=1)
                    assert one_pass(box, clock), f"{name}: {value}"

                partial = value == "not_found"
                assert differences(box, only_households=partial) == [], f"{name}: {value}"
                assert bool(SyncState.objects.get(pk="opportunities").cursor["partial"]) is partial


# Who reads, and when


def test_a_leader_that_was_killed_is_followed_within_90_seconds(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    assert leases.take(mirror.LEASE, owner="killed", seconds=mirror.LEASE_SECONDS, clock=clock)

    assert not turn(box, clock)
    clock.turn(61)
    assert turn(box, clock)


def test_who_lost_the_lease_in_the_middle_stops_and_writes_no_place_down(
    db: None, box: SlantBox, clock: TurnedClock, small_pages: None
) -> None:
    def somebody_takes_over() -> None:
        Lease.objects.filter(pk=mirror.LEASE).update(owner="another", fence=99)

    box.before_read = somebody_takes_over

    assert turn(box, clock)

    assert len(box.requests) <= len(mirror.RESOURCES)
    assert SyncState.objects.get(pk="opportunities").walk == {}
    assert Lease.objects.get(pk=mirror.LEASE).owner == "another"


def test_passes_follow_each_other_in_sync_seconds_more_or_less_a_fifth(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    waits = set()
    for _ in range(8):
        one_pass(box, clock)
        clock.turn(47)
        wait = 47
        while "books" not in mirror.due(clock):
            clock.turn(1)
            wait += 1
        waits.add(wait)

    assert min(waits) >= 48
    assert max(waits) <= 73
    assert len(waits) > 3


def test_a_clock_set_back_two_hours_does_not_leave_the_mirror_unread_for_as_long(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    assert mirror.due(clock) == []

    clock.turn(-7200)

    assert mirror.due(clock) == ["books", "pipelines", "households", "opportunities"]
    one_pass(box, clock)
    assert mirror.due(clock) == []


def test_a_list_that_costs_much_is_read_seldom(db: None, clock: TurnedClock) -> None:
    whole = SyncState(resource="opportunities", cursor={"calls": 50, "filter": "ignored"})
    changes = SyncState(resource="opportunities", cursor={"calls": 50, "filter": "whole"})

    assert mirror.interval_seconds(whole) == 600
    assert mirror.interval_seconds(changes) == 60


# A first load


def test_a_first_load_that_runs_out_of_calls_says_how_far_it_is_and_goes_on_from_there(
    db: None, clock: TurnedClock, small_pages: None, settings: Any
) -> None:
    box = SlantBox(clock, opportunities=900)
    settings.SLANT_HOURLY_BUDGET = 90

    assert not one_pass(box, clock)

    state = SyncState.objects.get(pk="opportunities")
    read = Opportunity.objects.count()
    assert 0 < read < 900
    assert (state.finished_at, state.failure) == (None, "")
    assert state.cursor["progress"] == {"read": read, "of": 900}
    assert "opportunities" not in mirror.due(clock)

    for _ in range(40):
        clock.turn(minutes=5)
        turn(box, clock)
        if SyncState.objects.get(pk="opportunities").finished_at:
            break

    assert differences(box) == []
    pages = [page_of(request) for request in reads(box, "/v1/opportunities")]
    assert pages[: 900 // 20] == list(range(1, 900 // 20 + 1)), "no page was read twice"


def test_a_long_reading_leaves_the_worker_free_after_a_few_seconds(
    db: None, box: SlantBox, clock: TurnedClock, small_pages: None
) -> None:
    box.before_read = lambda: clock.turn(1)

    turn(box, clock)
    first = len(box.requests)
    turn(box, clock)

    assert first <= 8
    assert len(box.requests) > first
    assert page_of(reads(box, "/v1/opportunities")[-1]) > 1


# What changed


def test_where_the_filter_is_honoured_a_pass_is_one_call(
    db: None, box: SlantBox, clock: TurnedClock, small_pages: None
) -> None:
    box.control(switches={"list_filters": "apply"})
    one_pass(box, clock)
    whole = len(reads(box, "/v1/opportunities"))
    box.edit("op_71qz5d", name="Changed in Slant")
    clock.turn(minutes=2)

    one_pass(box, clock)

    assert whole == 7
    assert len(reads(box, "/v1/opportunities")) == whole + 1
    assert Opportunity.objects.get(pk="op_71qz5d").name == "Changed in Slant"


def test_a_refused_filter_is_asked_for_once_an_hour(db: None, box: SlantBox, clock: TurnedClock) -> None:
    box.control(switches={"list_filters": "reject"})
    one_pass(box, clock)
    for _ in range(5):
        clock.turn(minutes=5)
        one_pass(box, clock)

    asked = [request for request in reads(box, "/v1/opportunities") if "updated_since" in request["query"]]
    assert len(asked) == 1


def test_a_filter_that_leaves_out_what_must_come_is_not_believed(
    db: None, box: SlantBox, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.control(switches={"list_filters": "apply"})
    one_pass(box, clock)
    monkeypatch.setattr(
        "opportunities.sandbox.shapes.since", lambda query: 9e9 if "updated_since" in query else None
    )
    box.edit("op_71qz5d", name="Changed in Slant")
    clock.turn(minutes=2)

    one_pass(box, clock)

    assert Opportunity.objects.get(pk="op_71qz5d").name == "Changed in Slant"


def test_a_deal_that_shows_up_late_in_the_list_is_not_lost(
    db: None, box: SlantBox, clock: TurnedClock, small_pages: None
) -> None:
    """It was written before the highest time we have seen, and listed after: the overlap catches it."""
    box.control(switches={"list_filters": "apply"}, list_lag_s=90)
    one_pass(box, clock)
    row = box.store.tables["opportunity"]["op_71qz5d"]
    fields = {name: row[name] for name in ("book_id", "pipeline_id", "pipeline_stage_id", "assigned_to_id")}
    box.control(records=[{"op": "create", "id": "op_late", "set": {**fields, "name": "Late"}}])
    clock.turn(30)
    box.edit("op_71qz5d", name="Newer than the late one")
    one_pass(box, clock)
    assert not Opportunity.objects.filter(pk="op_late").exists()
    clock.turn(90)

    one_pass(box, clock)

    assert Opportunity.objects.filter(pk="op_late").exists()


# What is gone


def test_a_deal_is_gone_after_two_walks_without_it_and_a_404(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    box.store.remove("opportunity", "op_71qz5d")
    gone = []
    for _ in range(2):
        clock.turn(minutes=5)
        one_pass(box, clock)
        gone.append(Opportunity.objects.filter(pk="op_71qz5d").exclude(gone_at=None).exists())

    assert gone == [False, True]
    assert len(reads(box, "/v1/opportunities/op_71qz5d")) == 1


def test_a_deal_the_lists_forget_stays_as_long_as_slant_shows_it_by_its_id(
    db: None, box: SlantBox, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_pass(box, clock)
    whole = deals._visible
    monkeypatch.setattr(deals, "_visible", lambda call: [id for id in whole(call) if id != "op_71qz5d"])
    for _ in range(4):
        clock.turn(minutes=5)
        one_pass(box, clock)

    assert Opportunity.objects.get(pk="op_71qz5d").gone_at is None


def test_a_deal_we_may_not_see_any_more_is_not_gone(db: None, box: SlantBox, clock: TurnedClock) -> None:
    one_pass(box, clock)
    out_of_reach = Opportunity.objects.filter(book_id="bk_pine01")
    held = out_of_reach.count()
    lose_access(box, "bk_pine01")
    for _ in range(4):
        clock.turn(minutes=5)
        one_pass(box, clock)

    assert held
    assert out_of_reach.filter(gone_at=None).count() == held


def test_deals_that_stay_out_of_reach_do_not_keep_others_from_being_found_gone(
    db: None, box: SlantBox, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_pass(box, clock)
    lose_access(box, "bk_pine01")
    monkeypatch.setattr(reader, "LOOKS_AT_MOST", 10)
    last = Opportunity.objects.exclude(book_id="bk_pine01").order_by("pk").last()
    assert last is not None
    box.store.remove("opportunity", last.pk)
    for _ in range(Opportunity.objects.count() // 10 + 3):
        clock.turn(minutes=5)
        one_pass(box, clock)

    last.refresh_from_db()
    assert last.gone_at is not None


@pytest.fixture
def full_reading(box: SlantBox, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """`manage.py sync --full`, and what it prints."""
    monkeypatch.setattr(connection, "connect", lambda clock: box.client())

    def read() -> str:
        out = StringIO()
        call_command("sync", full=True, stdout=out)
        return out.getvalue()

    return read


def scheduled_walk(box: SlantBox, clock: TurnedClock) -> None:
    """Rounds of a worker, until one of them has ended a walk of every deal."""
    walks = 0
    while not walks:
        clock.turn(minutes=5)
        turn(box, clock)
        walks = SyncState.objects.get(pk="opportunities").cursor["passes"] == 0


@pytest.mark.parametrize("filters", ["apply", "ignore"])
@pytest.mark.parametrize("first", ["command", "schedule"])
@pytest.mark.parametrize("second", ["command", "schedule"])
def test_two_full_readings_and_a_404_prove_a_deletion_by_command_and_by_schedule_in_either_order(
    db: None,
    box: SlantBox,
    clock: TurnedClock,
    full_reading: Callable[[], str],
    filters: str,
    first: str,
    second: str,
) -> None:
    box.control(switches={"list_filters": filters})
    one_pass(box, clock)
    box.store.remove("opportunity", "op_71qz5d")
    gone = []

    for how in (first, second):
        if how == "command":
            clock.turn(minutes=1)
            full_reading()
        else:
            scheduled_walk(box, clock)
        gone.append(Opportunity.objects.filter(pk="op_71qz5d").exclude(gone_at=None).exists())

    assert gone == [False, True]
    assert len(reads(box, "/v1/opportunities/op_71qz5d")) == 1
    assert differences(box) == []


def test_a_full_reading_asks_for_every_deal_that_two_readings_missed_and_says_how_many_were_missed(
    db: None,
    box: SlantBox,
    clock: TurnedClock,
    full_reading: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "LOOKS_AT_MOST", 2)
    one_pass(box, clock)
    removed = list(Opportunity.objects.order_by("pk").values_list("pk", flat=True)[:5])
    for id in removed:
        box.store.remove("opportunity", id)

    assert "5 deals were not in Slant's list." in full_reading()
    clock.turn(minutes=1)
    assert "not in Slant's list" not in full_reading()

    assert not Opportunity.objects.filter(pk__in=removed, gone_at=None).exists()


def test_a_deal_that_comes_back_between_two_full_readings_is_not_asked_for(
    db: None, box: SlantBox, clock: TurnedClock, full_reading: Callable[[], str]
) -> None:
    one_pass(box, clock)
    removed = box.store.remove("opportunity", "op_71qz5d")
    full_reading()
    box.store.put("opportunity", removed)
    full_reading()
    box.store.remove("opportunity", "op_71qz5d")
    full_reading()

    assert Opportunity.objects.get(pk="op_71qz5d").gone_at is None
    assert reads(box, "/v1/opportunities/op_71qz5d") == []


# The command


def test_the_command_tells_how_far_it_is_and_what_it_left(
    db: None, clock: TurnedClock, small_pages: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    box = SlantBox(clock, opportunities=900)
    monkeypatch.setattr(connection, "connect", lambda clock: box.client())
    settings.SLANT_HOURLY_BUDGET = 90
    out = StringIO()

    with pytest.raises(CommandError, match="What was read of opportunities is kept"):
        call_command("sync", stdout=out)
    settings.SLANT_HOURLY_BUDGET = 900
    call_command("sync", stdout=out)

    lines = out.getvalue().splitlines()
    assert re.fullmatch(r"opportunities: \d+ of 900 read", lines[3])
    assert lines[-1] == "The mirror is up to date."


@pytest.mark.parametrize(
    "whose", [{"slant_base_url": "https://slant.example/v1"}, {"slant_user_id": "u_other"}]
)
@pytest.mark.parametrize("full", [False, True])
def test_the_command_reads_nothing_of_another_slant(
    db: None,
    box: SlantBox,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    whose: dict[str, str],
    full: bool,
) -> None:
    monkeypatch.setattr(connection, "connect", lambda clock: box.client())
    ours = {"slant_base_url": settings.SLANT_BASE_URL, "slant_user_id": box.client().me().id}
    Instance.objects.filter(pk=1).update(**ours | whose)

    with pytest.raises(CommandError, match="belongs to") as caught:
        call_command("sync", full=full)

    assert caught.value.returncode == 2
    assert not Opportunity.objects.exists()
    Instance.objects.filter(pk=1).update(**ours)
    call_command("sync", full=full, stdout=StringIO())
    assert Opportunity.objects.exists()


def test_the_command_reads_nothing_while_slant_is_away_and_makes_the_probe_when_one_is_due(
    db: None, box: SlantBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "connect", lambda clock: box.client())
    away, clock = SlantNoAnswer(status=503, log_line="GET /books -> 503"), SystemClock()
    for _ in range(3):
        breaker.record_exchange(away, clock=clock)

    with pytest.raises(CommandError, match="as soon as it does"):
        call_command("sync", stdout=StringIO())
    assert box.requests == []
    Budget.objects.update(probe_at=clock.now())
    call_command("sync", stdout=StringIO())

    assert box.requests[0]["path"] == "/v1/me"
    assert Opportunity.objects.exists()


def test_another_slant_is_refused(db: None, box: SlantBox, clock: TurnedClock) -> None:
    Instance.objects.filter(pk=1).update(slant_base_url="https://slant.example/v1", slant_user_id="u_other")

    connection.check_connection(box.client(), worker=Actor.worker("w"), clock=clock)

    assert Hold.objects.filter(pk="other_slant").exists()
