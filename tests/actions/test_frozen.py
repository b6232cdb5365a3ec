"""Workers that stood still: what they may not send, and what they may not write down, when they go on."""

from opportunities.delivery import claiming, restore_guard, sending, unknown_outcome
from opportunities.models import Attempt, State, Submission
from opportunities.slant.transport import Unanswered
from opportunities.trail.audit import Actor
from tests.delivery.test_settling import lose
from tests.support.office import Office, fresh


def taken(office: Office) -> claiming.Claim:
    restore_guard.update_head_file()
    claimed = claiming.claim(worker=Actor.worker("laptop"), clock=office.clock)
    assert claimed
    return claimed


def suspend(office: Office, seconds: float) -> None:
    """The wall clock goes on, monotonic time stands still."""
    office.clock.jump(seconds)


def test_a_machine_that_was_suspended_does_not_send_under_a_lease_that_ran_out(office: Office) -> None:
    submission = office.submit()
    claimed = taken(office)
    suspend(office, 6000)

    sending.deliver(claimed, office.slant, worker=Actor.worker("laptop"), clock=office.clock)

    assert office.box.sends == []
    assert fresh(submission).state == State.QUEUED


def test_it_does_not_send_what_another_worker_has_taken_over_either(office: Office) -> None:
    """Whatever its clocks say."""
    submission = office.submit()
    claimed = taken(office)
    Submission.objects.filter(pk=submission.pk).update(fence=claimed.submission.fence + 1)

    sending.deliver(claimed, office.slant, worker=Actor.worker("laptop"), clock=office.clock)

    assert office.box.sends == []
    assert fresh(submission).state == State.SENDING
    assert Attempt.objects.get().outcome != "ok"


def test_a_look_under_way_writes_nothing_down_when_the_quiet_begins_again(office: Office) -> None:
    submission = lose(office, "drop_before")
    office.clock.turn(140)
    office.round()
    assert "absent_since" in fresh(submission).check_state
    office.clock.turn(61)

    def jump() -> None:
        office.box.before_read = lambda: None
        unknown_outcome.handle_clock_jump(office.clock)
        raise Unanswered("lost", bytes_sent=True)

    office.box.before_read = jump
    office.round()

    assert "absent_since" not in fresh(submission).check_state
    assert submission.lease_until is None
    office.rounds(minutes=2)
    assert fresh(submission).state == State.UNKNOWN


def test_an_absence_from_before_the_quiet_period_proves_nothing(office: Office) -> None:
    submission = lose(office, "drop_before")
    office.clock.turn(200)
    old = {"absent_since": office.clock.now().isoformat(), "first_scan": {}}
    office.clock.turn(300)
    now = office.clock.now()
    Submission.objects.filter(pk=submission.pk).update(check_state=old, quiet_until=now, due_at=now)

    office.round()

    assert fresh(submission).state == State.UNKNOWN
    assert submission.check_state["absent_since"] >= now.isoformat()
