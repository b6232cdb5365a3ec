"""The mirror: whole passes, the last good copy when one fails, one leader at a time."""

import pytest

from opportunities.actions import connection, mirror, running
from opportunities.actions.audit import Actor
from opportunities.actions.budget import Share
from opportunities.models import (
    Book,
    Hold,
    Household,
    Instance,
    Member,
    Opportunity,
    Pipeline,
    Stage,
    SyncState,
)
from tests.support.slant_box import SlantBox, TurnedClock


def sync(box: SlantBox, clock: TurnedClock) -> bool:
    return mirror.sync(connection.metered(box.client(), Share.SYNC, clock), clock=clock)


def test_a_first_pass_brings_the_whole_firm(db: None, box: SlantBox, clock: TurnedClock) -> None:
    assert sync(box, clock)

    assert Book.objects.get(pk="bk_pine01").name == "Mara's Book"
    assert Member.objects.filter(book="bk_pine01", user_id="u_9xw20c", role="contributor").exists()
    assert [stage.name for stage in Stage.objects.filter(pipeline="pl_newbiz")][:2] == [
        "Identified",
        "Connected",
    ]
    assert Household.objects.get(pk="hh_okonkwo").kind == "prospect"
    assert Opportunity.objects.get(pk="op_71qz5d").name == "Okonkwo rollover"


def test_nothing_of_a_household_is_kept_but_four_fields(db: None, box: SlantBox, clock: TurnedClock) -> None:
    sync(box, clock)

    kept = {column.attname for column in Household._meta.concrete_fields}
    assert kept == {"id", "name", "type", "book_id", "gone_at"}


def test_a_failed_pass_leaves_the_last_good_copy_and_says_so(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    sync(box, clock)
    before = SyncState.objects.get(pk="books").finished_at
    box.down = True
    clock.turn(minutes=5)

    assert not sync(box, clock)

    state = SyncState.objects.get(pk="books")
    assert (state.finished_at, state.failed_at) == (before, clock.now())
    assert state.failure
    assert Book.objects.filter(gone_at=None).exists()


def test_who_leaves_a_book_in_slant_leaves_it_here(db: None, box: SlantBox, clock: TurnedClock) -> None:
    sync(box, clock)
    book = box.store.tables["book"]["bk_pine01"]
    members = {user: role for user, role in book["members"].items() if user != "u_9xw20c"}
    box.store.put("book", book | {"members": members})
    left = Member.objects.filter(book="bk_pine01").count()

    sync(box, clock)

    assert Member.objects.filter(book="bk_pine01").count() == left - 1
    assert not Member.objects.filter(book="bk_pine01", user_id="u_9xw20c").exists()


def test_a_household_gone_from_slant_is_marked_and_comes_back(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    sync(box, clock)
    gone = box.store.remove("household", "hh_okonkwo")
    sync(box, clock)
    assert Household.objects.get(pk="hh_okonkwo").gone_at == clock.now()

    box.store.put("household", gone)
    sync(box, clock)
    assert Household.objects.get(pk="hh_okonkwo").gone_at is None


def test_an_older_copy_of_a_deal_never_replaces_a_newer_one(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    sync(box, clock)
    later = clock.now()
    Opportunity.objects.filter(pk="op_71qz5d").update(name="Renamed here", updated_at=later)
    clock.turn(minutes=10)

    sync(box, clock)

    assert Opportunity.objects.get(pk="op_71qz5d").name == "Renamed here"


@pytest.mark.parametrize(
    "switches",
    [
        {"list_opportunities": "not_found"},
        {"unrestricted_pipeline_type": "any"},
        {"nested_pipeline": "slim"},
        {"company_pipelines_with_book_filter": "exclude"},
    ],
)
def test_either_reading_of_an_open_point_is_tolerated(
    db: None, box: SlantBox, clock: TurnedClock, switches: dict[str, str]
) -> None:
    box.control(switches=switches)

    assert sync(box, clock)
    assert Pipeline.objects.count() > 1


def test_only_one_round_syncs_at_a_time(db: None, box: SlantBox, clock: TurnedClock) -> None:
    assert running.take_lease(mirror.LEASE, owner="another", seconds=60, clock=clock)

    slant = connection.metered(box.client(), Share.SYNC, clock)
    assert not mirror.sync_if_due(slant, worker=Actor.worker("w"), clock=clock)
    clock.turn(61)
    assert mirror.sync_if_due(slant, worker=Actor.worker("w"), clock=clock)


def test_a_pass_is_due_again_after_sync_seconds(db: None, box: SlantBox, clock: TurnedClock) -> None:
    sync(box, clock)

    clock.turn(30)
    assert not mirror.due(clock)
    clock.turn(31)
    assert mirror.due(clock)


def test_another_slant_is_refused(db: None, box: SlantBox, clock: TurnedClock) -> None:
    Instance.objects.filter(pk=1).update(slant_base_url="https://slant.example/v1", slant_user_id="u_other")

    connection.check_connection(box.client(), worker=Actor.worker("w"), clock=clock)

    assert Hold.objects.filter(pk="other_slant").exists()
