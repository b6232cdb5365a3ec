"""The hourly sweep: a second record that could not be prevented is found within the hour, and no other record
is.
"""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from opportunities.delivery import connection, duplicates
from opportunities.delivery.duplicates import SweepResult
from opportunities.models import Alert, AuditEvent, Instance, Lease, State, Submission
from opportunities.runtime import budget
from opportunities.runtime.budget import Share
from opportunities.trail.audit import Actor
from tests.support.office import Office, fresh
from tests.support.slant_box import deal

BY = Actor.operator("anna")


def confirmed(office: Office, **fields: object) -> Submission:
    submission = office.submit(**fields)
    office.round()
    assert fresh(submission).state == State.CONFIRMED
    return submission


def plant(office: Office, **changes: object) -> str:
    """Make the same deal once more, as a person or a late server would. Returns its id."""
    wanted = deal()
    values = {
        name: getattr(wanted, name)
        for name in (
            "book_id", "name", "value", "pipeline_id", "pipeline_stage_id", "household_id", "assigned_to_id",
        )
    }  # fmt: skip
    before = set(office.box.store.tables["opportunity"])
    office.box.control(records=[{"op": "create", "type": "opportunity", "set": values | changes}])
    (made,) = set(office.box.store.tables["opportunity"]) - before
    return made


def sweep(office: Office) -> SweepResult:
    slant = connection.metered(office.slant, Share.CHECKS, office.clock)
    return duplicates.sweep(slant, by=BY, clock=office.clock)


def alerts() -> list[str]:
    return list(Alert.objects.filter(closed_at=None).values_list("text", flat=True))


def test_a_planted_double_is_found_within_the_hour_and_both_ids_are_named(office: Office) -> None:
    office.round()
    submission = confirmed(office)
    double = plant(office)

    office.rounds(minutes=60, every=600)

    assert alerts() == [
        f"Possible duplicate in Slant: {double} equals {submission.opportunity_id}, "
        f"which {submission.reference} made. Compare the two in Slant and delete the one that is not wanted."
    ]
    assert len(office.box.created) == 1, "the sweep writes nothing"


def test_every_double_has_one_alert_however_often_it_is_seen(office: Office) -> None:
    confirmed(office)
    plant(office)
    plant(office)

    assert (sweep(office).opened, sweep(office).opened) == (2, 0)
    assert len(alerts()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Okonkwo pension"},
        {"value": 640_001},
        {"household_id": None},
        {"assigned_to_id": "u_4hd81k"},
        {"pipeline_id": "pl_events", "pipeline_stage_id": "st_ev_ident"},
        {"book_id": "bk_alder2", "household_id": None},
        {"created_at": "2026-11-23T11:50:00Z"},
    ],
)
def test_a_colleagues_own_deal_is_no_double(office: Office, changes: dict[str, Any]) -> None:
    confirmed(office)
    plant(office, **changes)

    assert sweep(office).duplicates == []
    assert alerts() == []


def test_a_move_to_another_stage_hides_no_double(office: Office) -> None:
    confirmed(office)
    plant(office, pipeline_stage_id="st_won", probability=100)

    assert len(sweep(office).duplicates) == 1


def test_two_deals_that_were_wanted_twice_are_no_double(office: Office) -> None:
    confirmed(office)
    office.clock.turn(1)
    confirmed(office, confirm_duplicate=True)

    assert sweep(office).duplicates == []


def test_a_record_whose_own_submission_is_still_in_doubt_is_no_double(office: Office) -> None:
    confirmed(office)
    office.clock.turn(1)
    office.submit(confirm_duplicate=True)
    office.box.mischief.append("drop_after")
    office.round()

    swept = sweep(office)

    assert (swept.unclaimed, swept.duplicates) == (1, [])


@pytest.mark.parametrize("filters", ["ignore", "apply", "reject"])
def test_unclaimed_deals_of_the_books_concerned_are_counted(office: Office, filters: str) -> None:
    office.box.control(switches={"list_filters": filters})
    confirmed(office)
    plant(office, name="A colleague's own")
    plant(office, name="In another book", book_id="bk_alder2", household_id=None)

    swept = sweep(office)

    assert (swept.books, swept.unclaimed, swept.duplicates) == (1, 1, [])


def test_the_alert_closes_when_the_double_is_gone(office: Office) -> None:
    confirmed(office)
    double = plant(office)
    sweep(office)

    office.box.control(records=[{"op": "delete", "id": double}])

    assert sweep(office).closed == 1
    assert alerts() == []


def test_the_alert_closes_when_the_double_was_made_something_else(office: Office) -> None:
    confirmed(office)
    double = plant(office)
    sweep(office)

    office.box.edit(double, name="Okonkwo trust")

    assert sweep(office).closed == 1


def test_the_alert_closes_when_the_claimed_one_was_deleted_instead(office: Office) -> None:
    submission = confirmed(office)
    plant(office)
    sweep(office)

    office.box.control(records=[{"op": "delete", "id": submission.opportunity_id}])

    assert sweep(office).closed == 1


def test_the_alert_stays_while_the_double_stays_however_old_it_grows(office: Office) -> None:
    confirmed(office)
    plant(office)
    sweep(office)

    office.clock.turn(minutes=600)

    assert (len(sweep(office).duplicates), len(alerts())) == (1, 1)


def test_nothing_confirmed_costs_nothing(office: Office) -> None:
    before = len(office.box.requests)

    assert sweep(office) == SweepResult()
    assert len(office.box.requests) == before
    assert not AuditEvent.objects.filter(action="reconcile.ran").exists()


def test_nothing_found_costs_a_call_for_each_hundred_deals_however_many_books(office: Office) -> None:
    confirmed(office)
    confirmed(office, book_id="bk_alder2", household_id="", pipeline_stage_id="st_qual")
    before, left = len(office.box.requests), budget.calls_left(office.clock)

    swept = sweep(office)

    assert swept.books == 2
    assert swept.calls == len(office.box.requests) - before == left - budget.calls_left(office.clock) == 2


def test_a_list_that_obeys_its_filter_costs_one_call_a_book(office: Office) -> None:
    office.box.control(switches={"list_filters": "apply"})
    confirmed(office)
    confirmed(office, name="Another")

    assert sweep(office).calls == 1


def test_the_trail_tells_of_it_in_counts_only(office: Office) -> None:
    confirmed(office)
    plant(office)

    sweep(office)

    event = AuditEvent.objects.get(action="reconcile.ran")
    assert event.after == {
        "books": 1, "calls": 2, "records": 142, "unclaimed": 1, "doubles": 1, "opened": 1, "closed": 0,
        "not_listed": 0,
    }  # fmt: skip


def test_without_a_list_of_deals_the_households_list_is_read(office: Office) -> None:
    office.box.control(switches={"list_opportunities": "not_found"})
    confirmed(office)
    confirmed(office, household_id="", name="Of nobody")
    plant(office)

    swept = sweep(office)

    assert (len(swept.duplicates), swept.not_listed) == (1, 1)


def test_a_list_too_long_to_read_every_hour_is_left_for_the_households(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "PAGE_LIMIT", 1)
    confirmed(office)
    plant(office)

    swept = sweep(office)

    assert (len(swept.duplicates), swept.calls) == (1, 2)


@pytest.mark.parametrize("trouble", ["down", "spent", "busy"])
def test_a_sweep_that_cannot_read_decides_nothing_and_comes_back(office: Office, trouble: str) -> None:
    confirmed(office)
    double = plant(office)
    sweep(office)
    office.box.control(records=[{"op": "delete", "id": double}])
    if trouble == "spent":
        budget.take(Share.PEOPLE, calls=budget.calls_left(office.clock) - 60, clock=office.clock)
    elif trouble == "busy":
        office.box.control(limits={"token": 0})
    else:
        office.box.down = True
    slant = connection.metered(office.slant, Share.CHECKS, office.clock)
    Lease.objects.filter(pk=duplicates.LEASE).update(until=None)

    swept = duplicates.sweep_due(slant, worker=BY, clock=office.clock)

    assert swept is not None
    assert swept.failure
    assert len(alerts()) == 1
    office.box.down = False
    office.box.control(limits={"token": 1000})
    office.clock.turn(minutes=70)
    connection.probe_if_due(office.slant, worker=BY, clock=office.clock)
    assert duplicates.sweep_due(slant, worker=BY, clock=office.clock) is not None
    assert alerts() == []


def test_another_slants_lists_decide_nothing(office: Office) -> None:
    confirmed(office)
    plant(office)
    sweep(office)
    Instance.objects.update(slant_base_url="https://api.slant.example/v1")

    swept = sweep(office)

    assert swept.failure.startswith("This database belongs to the Slant at https://api.slant.example/v1")
    assert (swept.calls, len(alerts())) == (0, 1)


def test_it_runs_once_an_hour_in_one_worker(office: Office) -> None:
    submission = confirmed(office)
    slant = connection.metered(office.slant, Share.CHECKS, office.clock)
    Lease.objects.filter(pk=duplicates.LEASE).update(until=None)

    ran = []
    for worker in ("worker-1", "worker-2") * 8:
        ran.append(duplicates.sweep_due(slant, worker=Actor.worker(worker), clock=office.clock) is not None)
        office.clock.turn(minutes=10)

    assert submission.state == State.CONFIRMED
    assert [number for number, did in enumerate(ran) if did] == [0, 6, 12]


@pytest.fixture
def command(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """`manage.py reconcile` on this test's Slant and clock."""
    monkeypatch.setattr(connection, "connect", lambda clock: office.slant)
    monkeypatch.setattr("opportunities.management.commands.reconcile.SystemClock", lambda: office.clock)
    return office


def run() -> str:
    out = StringIO()
    call_command("reconcile", stdout=out)
    return out.getvalue()


def test_the_command_says_what_it_looked_at_and_that_nothing_is_open(command: Office) -> None:
    confirmed(command)
    plant(command, name="A colleague's own")

    assert run() == (
        "1 books, 142 deals, 2 calls: 1 deals of the last two hours belong to no submission; "
        "0 alerts closed.\n"
        "No possible duplicate is open.\n"
    )


@pytest.mark.parametrize(
    "whose", [{"slant_base_url": "https://slant.example/v1"}, {"slant_user_id": "u_other"}]
)
def test_the_command_looks_for_nothing_in_another_slant(command: Office, whose: dict[str, str]) -> None:
    confirmed(command)
    plant(command)
    Instance.objects.filter(pk=1).update(**whose)

    with pytest.raises(CommandError, match="belongs to") as caught:
        run()

    assert caught.value.returncode == 2
    assert not Alert.objects.exists()


def test_the_command_ends_with_1_and_names_an_open_double(command: Office) -> None:
    confirmed(command)
    double = plant(command)

    with pytest.raises(CommandError, match=f"Possible duplicate in Slant: {double} equals") as caught:
        run()

    assert caught.value.returncode == 1


def test_the_command_ends_with_2_when_slant_cannot_be_read(command: Office) -> None:
    confirmed(command)
    command.box.down = True

    with pytest.raises(CommandError, match="Slant cannot be reached at the moment") as caught:
        run()

    assert caught.value.returncode == 2
