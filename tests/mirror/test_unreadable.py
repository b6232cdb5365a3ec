"""A record that is not as documented stops nothing: what can be read is read, and the rest is said."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opportunities import mirror
from opportunities.delivery import connection
from opportunities.mirror import definitions, totals, unreadable
from opportunities.models import (
    Alert,
    Book,
    Household,
    Member,
    Opportunity,
    Pipeline,
    Stage,
    StageMeaning,
    SyncState,
    UnreadableRecord,
)
from opportunities.models.unreadable import DEALS
from opportunities.runtime.budget import Share
from opportunities.selectors import health
from opportunities.slant import client
from opportunities.trail.audit import Actor
from tests.mirror.conftest import differences, kept, one_pass, undone
from tests.support.anything import ANYTHING
from tests.support.odd_records import ODD_DEALS, ODD_IDS, Odd
from tests.support.slant_box import SlantBox, TurnedClock

DEAL, OTHER = "op_71qz5d", "op_5ci51w"
Sync = Callable[[], bool]
# What changes of a row when nothing of the deal does.
NOT_SHOWN = ("seen_at", "updated_at", "unreadable", "revision")


@pytest.fixture
def box(clock: TurnedClock) -> SlantBox:
    return SlantBox(clock, opportunities=24)


def show(box: SlantBox, id: str, how: Odd) -> None:
    box.control(records=[{"op": "show", "id": id, **how}])


def deals_of(box: SlantBox) -> list[str]:
    return [id for id, row in box.store.tables["opportunity"].items() if row["book_id"] != "bk_salt99"]


def later(clock: TurnedClock, sync: Sync) -> bool:
    clock.turn(minutes=2)
    return sync()


def facts(pk: str) -> dict[str, Any]:
    row = Opportunity.objects.filter(pk=pk).values().get()
    return {name: value for name, value in row.items() if name not in NOT_SHOWN}


# --- Deals --------------------------------------------------------------------------------------------


def test_a_deal_keeps_what_was_read_of_it_last_and_everything_else_goes_on(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    assert sync()
    odd, other = [DEAL, *deals_of(box)[2:]], deals_of(box)[1]
    while len(odd) < len(ODD_DEALS):
        odd.append(add_deal(box))
    later(clock, sync)
    before = {id: facts(id) for id in odd}
    for id, (_, how) in zip(odd, ODD_DEALS.values(), strict=False):
        show(box, id, how)
    box.edit(other, name="Renamed beside the odd ones")

    assert later(clock, sync)

    shown = dict(zip(odd, ODD_DEALS.items(), strict=False))
    for id, (name, (place, _)) in shown.items():
        assert facts(id) == before[id] | ({"assigned_to_id": "u_9xw20c"} if "owner's" in name else {}), name
        assert Opportunity.objects.get(pk=id).unreadable == place
        assert list(UnreadableRecord.objects.get(resource=DEALS, key=id).fields) == [place]
    assert Opportunity.objects.get(pk=other).name == "Renamed beside the odd ones"
    assert UnreadableRecord.objects.count() == len(shown)

    for id in shown:
        show(box, id, {})
        box.edit(id, value=77)
    assert later(clock, sync)
    assert not UnreadableRecord.objects.exists()
    assert differences(box) == []
    assert not Opportunity.objects.exclude(unreadable="").exists()


def add_deal(box: SlantBox) -> str:
    """Somebody enters a deal in Slant itself, and returns its id."""
    known = {"name": "By hand", "book_id": "bk_pine01", "pipeline_id": "pl_newbiz", "value": 5}
    known |= {"pipeline_stage_id": "st_qual", "assigned_to_id": "u_9xw20c", "household_id": "hh_5ci51w"}
    box.control(records=[{"op": "create", "type": "opportunity", "set": known}])
    return list(box.store.tables["opportunity"])[-1]


def test_the_fields_of_an_odd_deal_that_can_be_read_follow_slant(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    value = Opportunity.objects.get(pk=DEAL).value
    show(box, DEAL, {"set": {"value": "lots", "name": "Another name", "probability": 5}})

    later(clock, sync)

    deal = Opportunity.objects.get(pk=DEAL)
    assert (deal.name, deal.probability, deal.value) == ("Another name", 5, value)
    assert kept() == totals.count_totals()


def test_a_new_deal_with_an_odd_field_is_on_the_board_without_it(sync: Sync, box: SlantBox) -> None:
    show(box, DEAL, {"set": {"value": 1234.5, "name": 7}})

    assert sync()

    deal = Opportunity.objects.get(pk=DEAL)
    assert (deal.value, deal.name, deal.unreadable) == (None, unreadable.UNREADABLE_NAME, "name,value")
    assert UnreadableRecord.objects.get(key=DEAL).fields == {"value": "1234.5", "name": "7"}


def test_a_new_deal_that_has_no_place_is_known_and_appears_once_it_has_one(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    began = clock.now()
    show(box, DEAL, {"unset": ["pipeline_stage"]})

    assert sync()
    assert not Opportunity.objects.filter(pk=DEAL).exists()
    assert UnreadableRecord.objects.get().label == f"deal {DEAL}"

    show(box, DEAL, {})
    later(clock, sync)
    assert Opportunity.objects.get(pk=DEAL).first_seen_at == began  # known since then, as lost answers ask
    assert differences(box) == []
    assert not UnreadableRecord.objects.exists()


def test_deals_without_a_usable_id_are_named_by_their_places_and_stop_nothing(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    every = deals_of(box)
    odd = every[3 : 3 + len(ODD_IDS)]
    for id, how in zip(odd, ODD_IDS.values(), strict=True):
        show(box, id, how)

    assert sync()

    assert set(Opportunity.objects.values_list("pk", flat=True)) == set(every) - set(odd)
    labels = set(UnreadableRecord.objects.values_list("label", flat=True))
    places = range(4, 4 + len(odd))
    assert labels == {f"deal without a usable id, page 1, record {place}" for place in places}
    known = set(UnreadableRecord.objects.values_list("key", "first_seen_at"))
    assert later(clock, sync)
    assert set(UnreadableRecord.objects.values_list("key", "first_seen_at")) == known

    for id in odd:
        show(box, id, {})
    clock.turn(minutes=20)
    assert later(clock, sync)
    assert not UnreadableRecord.objects.exists()
    assert differences(box) == []


def test_two_records_of_one_page_with_one_id_are_read_and_the_reading_ends(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    box.control(switches={"list_filters": "apply"})
    show(box, DEAL, {"set": {"id": OTHER}})
    assert sync()
    show(box, DEAL, {"set": {"id": OTHER}})  # both among the changes
    box.edit(OTHER, name="Changed")
    clock.turn(minutes=2)
    began = clock.now()

    assert sync()

    state = SyncState.objects.get(pk=DEALS)
    assert state.cursor["as_of"] == began.isoformat()  # a lasting repetition does not make the board old
    assert state.cursor["filter"] == "whole"


def test_a_whole_list_of_odd_deals_ends_the_first_load(sync: Sync, box: SlantBox) -> None:
    every = deals_of(box)
    odd = [how for _, how in ODD_DEALS.values()] + list(ODD_IDS.values())
    for number, id in enumerate(every):
        show(box, id, odd[number % len(odd)])

    assert sync()

    assert SyncState.objects.get(pk=DEALS).finished_at
    assert UnreadableRecord.objects.filter(resource=DEALS).count() == len(every)


def test_a_gone_deal_is_no_longer_named(sync: Sync, box: SlantBox, clock: TurnedClock) -> None:
    sync()
    show(box, DEAL, {"set": {"value": True}})
    later(clock, sync)
    box.control(records=[{"op": "delete", "id": DEAL}])

    for _ in range(3):
        clock.turn(minutes=20)
        sync()

    assert Opportunity.objects.get(pk=DEAL).gone_at
    assert not UnreadableRecord.objects.exists()


# --- Short lists --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "how"),
    [
        ("name", {"set": {"name": 7}}),
        ("type", {"set": {"type": 1}}),
        ("book_id", {"set": {"book_id": None}}),
        ("name", {"set": {"name": {"first_name": "Ada", "ssn": "***-**-1234"}}}),
    ],
)
def test_an_odd_household_keeps_what_was_read_and_nothing_private_is_kept(
    place: str, how: Odd, sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    before = Household.objects.filter(pk="hh_okonkwo").values().get()
    show(box, "hh_okonkwo", how)
    box.edit(other_household(box), name="New")

    assert later(clock, sync)

    assert Household.objects.filter(pk="hh_okonkwo").values().get() == before
    assert Household.objects.filter(name="New").exists()
    row = UnreadableRecord.objects.get(resource="households")
    assert list(row.fields) == [place]
    assert "ssn" not in json.dumps(row.fields)
    assert "Ada" not in json.dumps(row.fields)


def other_household(box: SlantBox) -> str:
    return next(id for id in box.store.tables["household"] if id != "hh_okonkwo")


def test_while_a_household_has_no_id_none_is_taken_for_gone(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    show(box, "hh_okonkwo", {"replace": ["Ada", "***-**-1234"]})

    assert later(clock, sync)

    assert not Household.objects.exclude(gone_at=None).exists()
    row = UnreadableRecord.objects.get(resource="households")
    assert row.fields == {"": "a list"}

    show(box, "hh_okonkwo", {})
    later(clock, sync)
    assert not UnreadableRecord.objects.exists()


def test_a_new_household_whose_book_cannot_be_read_is_shown_to_nobody(sync: Sync, box: SlantBox) -> None:
    show(box, "hh_okonkwo", {"set": {"book_id": 7}})

    assert sync()

    assert not Household.objects.filter(pk="hh_okonkwo").exists()


@pytest.mark.parametrize("how", [{"set": {"first_name": 7}}, {"unset": ["role"]}, {"set": {"email": []}}])
def test_an_odd_member_stays_a_member_with_the_same_rights(
    how: Odd, sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    rows = Member.objects.order_by("book_id", "user_id")
    before = list(rows.values("book_id", "user_id", "email", "first_name", "role"))
    show(box, "u_9xw20c", how)

    assert later(clock, sync)

    assert list(rows.values("book_id", "user_id", "email", "first_name", "role")) == before
    assert UnreadableRecord.objects.filter(resource="books").exists()


def test_a_member_without_an_id_is_known_by_the_email_and_others_leave(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    book = Member.objects.filter(user_id="u_9xw20c").values_list("book_id", flat=True).first()
    show(box, "u_9xw20c", {"unset": ["id"]})
    row = box.store.tables["book"][book]
    left = next(user for user in row["members"] if user != "u_9xw20c")
    box.edit(book, members={user: role for user, role in row["members"].items() if user != left})

    later(clock, sync)

    members = set(Member.objects.filter(book_id=book).values_list("user_id", flat=True))
    assert "u_9xw20c" in members
    assert left not in members


def test_a_book_whose_members_cannot_be_read_keeps_them(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    before = Member.objects.filter(book_id="bk_pine01").count()
    show(box, "bk_pine01", {"set": {"users": None, "name": 3}})

    assert later(clock, sync)

    assert Member.objects.filter(book_id="bk_pine01").count() == before > 0
    assert Book.objects.get(pk="bk_pine01").name not in ("", unreadable.UNREADABLE_NAME)


@pytest.mark.parametrize(
    "how",
    [
        {"set": {"default_probability": 12.5}},
        {"set": {"stage_order": "1"}},
        {"set": {"visible": "yes"}},
        {"set": {"name": None, "default_probability": 101}},
        {"unset": ["id"]},
        {"replace": None},
    ],
)
def test_an_odd_stage_keeps_its_place_on_the_board(
    how: Odd, sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    fields = ("id", "stage_order", "visible", "default_probability", "gone_at")
    before = {row["id"]: row for row in Stage.objects.values(*fields)}
    show(box, "st_qual", how)
    box.edit("pl_growth", name="Growing")

    assert later(clock, sync)

    assert {row["id"]: row for row in Stage.objects.values(*fields)} == before
    assert Pipeline.objects.get(pk="pl_growth").name == "Growing"
    assert StageMeaning.objects.get(pk="st_qual").meaning == "open"
    assert UnreadableRecord.objects.get().resource == "pipelines"
    assert kept() == totals.count_totals()


def test_a_new_pipeline_whose_book_cannot_be_read_is_shown_to_nobody(sync: Sync, box: SlantBox) -> None:
    show(box, "pl_alder", {"set": {"book_id": 7}})  # null would mean every book

    assert sync()

    assert not Pipeline.objects.filter(pk="pl_alder").exists()


def test_an_odd_custom_field_leaves_the_others(sync: Sync, box: SlantBox, clock: TurnedClock) -> None:
    first, *others = [
        id for id, row in box.store.tables["custom_field"].items() if row["entity_type"] == "Opportunity"
    ]
    show(box, first, {"set": {"field_key": 7}})
    sync()

    assert definitions.read_if_due(connection.metered(box.client(), Share.SYNC, clock), clock=clock)

    assert len(definitions.load_definitions()) == len(others) > 0


# --- A page ---------------------------------------------------------------------------------------------


@pytest.fixture
def broken_page(box: SlantBox, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Make one page of a list say something that is no list."""
    monkeypatch.setattr(client, "PER_PAGE", 10)

    def break_page(path: str, page: int) -> None:
        real = client.SlantClient._call

        def call(self: Any, method: str, at: str, read: Any, **rest: Any) -> Any:
            asked = (rest.get("params") or {}).get("page")
            if at == path and asked == str(page):

                def broken(answer: Any) -> Any:
                    return read(replace(answer, body=b"<html>odd</html>"))

                return real(self, method, at, broken, **rest)
            return real(self, method, at, read, **rest)

        monkeypatch.setattr(client.SlantClient, "_call", call)

    return break_page


@pytest.mark.parametrize("page", [1, 2, 3])
def test_one_bad_page_does_not_throw_away_the_others(
    page: int, sync: Sync, box: SlantBox, broken_page: Callable[[str, int], None]
) -> None:
    broken_page("/opportunities", page)
    every = deals_of(box)
    on_it = set(every[(page - 1) * 10 : page * 10])

    assert sync()

    assert set(Opportunity.objects.values_list("pk", flat=True)) == set(every) - on_it
    assert UnreadableRecord.objects.get().label == f"page {page} of the list of opportunities"


def test_no_household_is_gone_for_a_bad_page(
    sync: Sync, box: SlantBox, clock: TurnedClock, broken_page: Callable[[str, int], None]
) -> None:
    sync()
    broken_page("/households", 2)

    assert later(clock, sync)

    assert not Household.objects.exclude(gone_at=None).exists()


def test_a_list_that_is_nothing_but_a_bad_page_fails(
    sync: Sync, broken_page: Callable[[str, int], None]
) -> None:
    broken_page("/books", 1)

    assert not sync()

    assert SyncState.objects.get(pk="books").failed_at


# --- Who hears of it --------------------------------------------------------------------------------------


def test_one_alert_names_records_and_fields_and_closes_itself(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    show(box, DEAL, {"set": {"value": "5000", "probability": 101}})
    show(box, "hh_okonkwo", {"set": {"type": 1}})
    sync()
    unreadable.report(clock=clock)
    unreadable.report(clock=clock)

    (alert,) = Alert.objects.filter(closed_at=None)
    assert alert.details.splitlines() == ["household hh_okonkwo: type", f"deal {DEAL}: value, probability"]
    assert "2 records" in alert.text
    assert "5000" not in alert.text + alert.details  # it is mailed: fields, not what is in them

    show(box, DEAL, {})
    show(box, "hh_okonkwo", {})
    later(clock, sync)
    unreadable.report(clock=clock)
    assert not Alert.objects.filter(closed_at=None).exists()


def test_an_alert_names_twenty_records_and_counts_the_rest(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    for id in deals_of(box)[:23]:
        show(box, id, {"set": {"value": "5000"}})
    sync()

    unreadable.report(clock=clock)

    (alert,) = Alert.objects.filter(closed_at=None)
    assert len(alert.details.splitlines()) == 21
    assert alert.details.splitlines()[-1] == "and 3 more"


def test_a_worker_reports_after_each_turn(box: SlantBox, clock: TurnedClock, db: None) -> None:
    show(box, DEAL, {"set": {"value": "5000"}})
    slant = connection.metered(box.client(), Share.SYNC, clock)

    assert mirror.sync_if_due(slant, worker=Actor.worker("worker-1"), clock=clock)

    assert Alert.objects.filter(closed_at=None, cause=unreadable.CAUSE).exists()


# --- All of it at once, and anything -----------------------------------------------------------------


def test_a_first_load_with_odd_records_in_every_list_ends_and_the_installation_is_ready(
    sync: Sync, box: SlantBox, clock: TurnedClock
) -> None:
    for id, how in {
        "hh_okonkwo": {"set": {"name": 7}},
        other_household(box): {"replace": None},
        "u_9xw20c": {"set": {"first_name": 7}},
        "st_qual": {"set": {"default_probability": 12.5, "stage_order": "1"}},
        "bk_birch4": {"replace": "a book"},
        "pl_alder": {"replace": []},
        DEAL: {"set": {"value": 1234.5}},
    }.items():
        show(box, id, how)

    assert sync()

    assert health.health(clock).status != "unready"
    assert {state.failure for state in SyncState.objects.all()} == {""}
    assert Opportunity.objects.count() > 20


@given(odd=st.lists(ANYTHING, min_size=4, max_size=4), data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_slant_shows_the_mirror_takes_the_rest(
    db: None, odd: list[Any], data: st.DataObject
) -> None:
    clock = TurnedClock()
    box = SlantBox(clock, opportunities=6)
    names = ("name", "value", "pipeline_stage", "assigned_to", "custom_fields", "updated_at", "household_id")
    with undone():
        assert one_pass(box, clock)
        deals, homes = deals_of(box), list(box.store.tables["household"])
        fields = {name: data.draw(ANYTHING) for name in data.draw(st.sets(st.sampled_from(names)))}
        for id, how in zip(
            (deals[0], deals[1], homes[0], homes[1]),
            ({"replace": odd[0]}, {"set": fields}, {"replace": odd[1]}, {"set": {"name": odd[2]}}),
            strict=True,
        ):
            box.store.oddities[id] = how
        box.edit(deals[2], name="Beside whatever it is")
        clock.turn(minutes=20)

        assert one_pass(box, clock)

        assert Opportunity.objects.get(pk=deals[2]).name == "Beside whatever it is"
        assert Opportunity.objects.filter(pk__in=deals, gone_at=None).count() == len(deals)
        assert kept() == totals.count_totals()
