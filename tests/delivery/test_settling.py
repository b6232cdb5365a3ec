"""Lost answers: what is adopted, what is proven absent, what a manager gets (reliability 2.2)."""

import json
from datetime import datetime, timedelta

import pytest

from opportunities.actions import reviewing
from opportunities.actions.form_tokens import issue_token
from opportunities.actions.submissions import change
from opportunities.delivery import holds, restore_guard
from opportunities.delivery.kinds import DealChanges
from opportunities.models import Alert, AuditEvent, Hold, Instance, Kind, Role, State, Submission
from opportunities.trail import head_file
from tests.support.office import Office, fresh
from tests.support.people import make_person


def lose(office: Office, trick: str, **fields: object) -> Submission:
    submission = office.submit(**fields)
    office.box.mischief.append(trick)
    office.round()
    return fresh(submission)


@pytest.mark.parametrize("trick", ["drop_after", "+500"])
def test_a_record_that_was_made_is_found_at_the_first_look(office: Office, trick: str) -> None:
    submission = lose(office, trick)

    office.clock.turn(5)
    office.round()

    assert fresh(submission).state == State.CONFIRMED
    assert submission.opportunity_id == office.box.created[0]["id"]
    assert len(office.box.sends) == 1
    assert not submission.told


@pytest.mark.parametrize("trick", ["drop_before", "500"])
def test_what_was_not_made_is_sent_again_only_after_two_quiet_scans(office: Office, trick: str) -> None:
    submission = lose(office, trick)

    office.rounds(minutes=3)
    assert fresh(submission).state == State.UNKNOWN
    assert len(office.box.sends) == 1
    office.rounds(minutes=2)

    assert fresh(submission).state == State.CONFIRMED
    assert submission.generation == 1, "a key that may still be alive keeps protecting"
    assert len(office.box.created) == 1


def test_a_record_written_late_is_adopted_not_doubled(office: Office) -> None:
    submission = lose(office, "slow")

    office.rounds(minutes=5)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_after_eighty_minutes_the_key_is_replaced_because_slant_forgot_it(office: Office) -> None:
    submission = lose(office, "drop_before")

    office.clock.turn(minutes=80)
    office.rounds(minutes=5)

    assert fresh(submission).state == State.CONFIRMED
    assert submission.generation == 2
    assert len(office.box.created) == 1


def test_a_colleagues_correction_in_slant_goes_to_a_manager_never_to_a_second_send(office: Office) -> None:
    submission = lose(office, "drop_after")
    office.box.edit(office.box.created[0]["id"], value=700_000)

    office.rounds(minutes=10)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "similar_found")
    assert len(office.box.sends) == 1


@pytest.mark.parametrize("value", [64_000_000, 6_400])
def test_a_hundred_times_the_value_found_after_a_lost_answer_stops_all_sending(
    office: Office, value: int
) -> None:
    submission = lose(office, "drop_after")
    office.box.edit(office.box.created[0]["id"], value=value)

    office.rounds(minutes=10)

    assert fresh(submission).state == State.REVIEW
    assert Hold.objects.filter(pk=holds.UNIT_ALARM).exists()
    assert Alert.objects.filter(cause=holds.UNIT_ALARM, closed_at=None).count() == 1


def test_an_edit_to_a_hundred_times_the_value_that_did_not_arrive_alarms_nobody(office: Office) -> None:
    deal_id = made(office)
    submission = edit(office, deal_id, {"value": 64_000_000}, {"value": 640_000})
    office.box.mischief.append("drop_before")

    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert not Hold.objects.exists()


def test_while_slant_is_away_it_stays_unknown(office: Office) -> None:
    submission = lose(office, "drop_after")
    office.box.down = True

    office.rounds(minutes=130, every=60)
    assert fresh(submission).state == State.UNKNOWN
    office.box.down = False
    office.rounds(minutes=10)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_two_equal_submissions_take_one_record_each_oldest_first(office: Office) -> None:
    first = lose(office, "drop_after")
    office.clock.turn(1)
    second = lose(office, "drop_after", confirm_duplicate=True)

    office.rounds(minutes=2)

    made = [record["id"] for record in office.box.created]
    assert [fresh(first).opportunity_id, fresh(second).opportunity_id] == made


def test_an_equal_submission_that_took_the_record_of_another_leaves_it_a_send_of_its_own(
    office: Office,
) -> None:
    """The first was not made, the second was. The first is given its record, and its key shows only that."""
    first = lose(office, "drop_before")
    office.clock.turn(1)
    second = lose(office, "drop_after", confirm_duplicate=True)

    office.rounds(minutes=15)

    made = {record["id"] for record in office.box.created}
    assert {fresh(first).state, fresh(second).state} == {State.CONFIRMED}
    assert {first.opportunity_id, second.opportunity_id} == made
    assert len(made) == 2
    assert second.generation == 2


def test_a_list_that_slant_does_not_have_goes_to_a_manager_saying_so(office: Office) -> None:
    office.box.control(switches={"list_opportunities": "not_found"})
    submission = lose(office, "drop_before", household_id="")

    office.rounds(minutes=1)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "cannot_list")


def test_a_jump_of_the_wall_clock_begins_the_quiet_period_again(office: Office) -> None:
    submission = lose(office, "drop_before")
    office.clock.turn(30)
    office.round()

    office.clock.jump(7200)
    office.round()
    office.rounds(minutes=2)

    assert fresh(submission).state == State.UNKNOWN
    office.rounds(minutes=4)
    assert fresh(submission).state == State.CONFIRMED
    assert submission.generation == 1, "the key counts as alive for another 75 minutes"


def test_a_manager_links_what_was_found(office: Office) -> None:
    submission = lose(office, "drop_after")
    office.box.edit(office.box.created[0]["id"], value=700_000)
    office.rounds(minutes=10)
    boss = make_person("Mona Manager", Role.MANAGER)

    reviewing.link(
        submission=fresh(submission),
        opportunity_id=office.box.created[0]["id"],
        reason="Theo corrected it in Slant",
        person=boss,
        by=office.by,
        clock=office.clock,
    )

    assert fresh(submission).state == State.CONFIRMED
    assert AuditEvent.objects.filter(action="submission.confirmed", reason_code="linked").exists()


def test_a_manager_sends_again_and_absence_is_proven_afresh_without_what_was_ruled_out(
    office: Office,
) -> None:
    submission = lose(office, "drop_after")
    office.box.edit(office.box.created[0]["id"], name="Something else entirely", value=1)
    office.rounds(minutes=10)
    boss = make_person("Mona Manager", Role.MANAGER)

    reviewing.send_again(
        submission=fresh(submission),
        seen_ids=reviewing.candidate_ids(submission),
        reason="not ours",
        person=boss,
        by=office.by,
        clock=office.clock,
    )
    office.round()
    assert fresh(submission).state == State.UNKNOWN
    office.clock.turn(minutes=80)
    office.rounds(minutes=5)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 2


def test_an_old_backup_sends_nothing_until_recovered_and_then_looks_first(office: Office) -> None:
    submission = office.submit()
    later = {"instance": str(Instance.current().instance_id), "seq": 999, "hash": "x"}
    head_file.path().write_text(json.dumps(later))

    office.rounds(minutes=1)
    assert Hold.objects.filter(pk=restore_guard.RESTORED).exists()
    assert office.box.sends == []
    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")
    assert fresh(submission).state == State.UNKNOWN
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_what_an_old_backup_does_not_know_was_sent_is_taken_as_sent(office: Office) -> None:
    office.box.mischief.extend(["429"])
    submission = office.submit()
    office.round()
    first = fresh(submission).idempotency_key

    # The answer to the next send is lost, and then the backup that knows of nothing but a 429 is restored.
    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert fresh(submission).idempotency_key == first, "a key that may have been sent is kept for 75 minutes"
    assert [attempt.outcome for attempt in submission.attempts.all()] == ["busy", "abandoned", "ok"]


def test_a_round_ends_although_what_it_read_is_not_yet_old_enough_for_a_proof(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deals of one household: the second's proof falls due while the list is read for the first."""
    office.box.mischief.extend(["drop_before", "drop_before"])
    one, two = office.submit(), office.submit(value=1, confirm_duplicate=True)
    office.round()
    office.clock.turn(minutes=5)
    now = office.clock.now()
    Submission.objects.filter(pk=one.pk).update(due_at=now)
    seen = {"absent_since": (now - timedelta(seconds=59)).isoformat()}
    Submission.objects.filter(pk=two.pk).update(due_at=now + timedelta(seconds=1), check_state=seen)
    receive = office.box.rules.receive
    monkeypatch.setattr(office.box.rules, "receive", lambda *of: (office.clock.turn(2), receive(*of))[1])

    office.round()

    assert fresh(two).state == State.UNKNOWN, "a list read 59 seconds after the first proves nothing"
    office.rounds(minutes=2)
    assert {fresh(one).state, fresh(two).state} == {State.CONFIRMED}


def test_the_minute_between_two_readings_begins_when_the_first_has_ended(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = lose(office, "drop_before")
    office.clock.turn(minutes=5)
    receive = office.box.rules.receive
    monkeypatch.setattr(office.box.rules, "receive", lambda *of: (office.clock.turn(5), receive(*of))[1])

    office.round()

    ended = datetime.fromisoformat(fresh(submission).check_state["absent_since"])
    assert ended >= datetime.fromisoformat(submission.check_state["scan"]["began_at"]) + timedelta(seconds=5)
    assert submission.due_at is not None
    assert submission.due_at >= ended + timedelta(seconds=60)


def test_a_key_lives_on_when_nobody_watched_the_clock(office: Office) -> None:
    """All workers were off, and by the wall clock it was long: it may have been set forward meanwhile."""
    submission = lose(office, "drop_before")
    office.clock.turn(minutes=80)

    for _ in range(20):
        office.clock.turn(15)
        office.round("another worker")

    assert fresh(submission).state == State.CONFIRMED
    assert submission.generation == 1


def test_a_copied_database_sends_nothing(office: Office) -> None:
    lose(office, "drop_after")
    head_file.path().unlink()
    submission = office.submit(name="After the copy")

    office.rounds(minutes=2)

    assert fresh(submission).state == State.QUEUED
    assert Hold.objects.filter(pk=restore_guard.COPIED).exists()


def edit(
    office: Office, opportunity_id: str, wanted: dict[str, object], seen: dict[str, object]
) -> Submission:
    return change(
        changes=DealChanges(opportunity_id, wanted, seen),
        kind=Kind.EDIT,
        person=office.person,
        by=office.by,
        clock=office.clock,
        form_token=issue_token(office.person),
    )


def made(office: Office) -> str:
    submission = office.submit()
    office.round()
    return fresh(submission).opportunity_id


def test_an_edit_whose_answer_was_lost_is_settled_by_reading(office: Office) -> None:
    deal_id = made(office)
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})
    office.box.mischief.append("drop_after")

    office.round()
    office.clock.turn(5)
    office.round()

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.sends) == 2


def test_an_edit_that_did_not_arrive_is_sent_again_after_the_quiet_period(office: Office) -> None:
    deal_id = made(office)
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})
    office.box.mischief.append("drop_before")

    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert office.box.writes[-1]["record"]["value"] == 700_000


def test_a_field_somebody_changed_in_slant_is_not_overwritten(office: Office) -> None:
    deal_id = made(office)
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})
    office.box.edit(deal_id, value=650_000)

    office.round()

    assert (fresh(submission).state, submission.reason_code) == (State.REJECTED, "conflict")
    assert list(submission.field_errors) == ["value"]


def test_changes_of_one_deal_go_in_order_and_wait_for_a_doubtful_one(office: Office) -> None:
    deal_id = made(office)
    first = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})
    office.box.mischief.append("drop_before")
    office.round()
    office.clock.turn(1)
    second = edit(office, deal_id, {"probability": 70}, {"probability": None})

    office.rounds(minutes=1)
    assert (fresh(first).state, fresh(second).state) == (State.UNKNOWN, State.QUEUED)
    office.rounds(minutes=6)

    assert (fresh(first).state, fresh(second).state) == (State.CONFIRMED, State.CONFIRMED)


def test_a_clock_set_back_between_two_changes_of_a_deal_does_not_turn_them_round(office: Office) -> None:
    deal_id = made(office)
    holds.hold(holds.STOPPED, reason="", by=office.by, clock=office.clock)
    first = edit(office, deal_id, {"value": 1}, {"value": 640_000})
    office.clock.jump(-7200)
    second = edit(office, deal_id, {"value": 2}, {"value": 1})
    holds.release(holds.STOPPED, by=office.by, clock=office.clock)

    office.rounds(minutes=3)

    assert (fresh(first).state, fresh(second).state) == (State.CONFIRMED, State.CONFIRMED)
    assert office.box.store.tables["opportunity"][deal_id]["value"] == 2
