"""A wall clock that is set back by hours stops no submission, whatever was under way at that moment."""

from datetime import timedelta
from typing import Any

import pytest

from opportunities.delivery import claiming, unknown_outcome
from opportunities.models import Attempt, Outcome, State, Submission
from opportunities.selectors.health import health
from opportunities.selectors.submissions.page import submission_page
from opportunities.slant.transport import Unanswered
from opportunities.trail.audit import Actor
from tests.support.office import Office, fresh

pytestmark = pytest.mark.slow

BACK = -7200.0
AHEAD = timedelta(hours=2)


def settled_within(office: Office, submission: Submission, minutes: float) -> None:
    office.rounds(minutes=minutes)
    assert fresh(submission).state == State.CONFIRMED, submission.reason_code
    assert len(office.box.created) == 1


def test_a_send_whose_answer_is_lost_after_the_clock_was_set_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quiet period counted from the moment of the send, which lay two hours ahead."""
    submission = office.submit()
    real = office.slant._transport.exchange

    def lose(method: str, url: str, **rest: Any) -> Any:
        if method == "GET":
            return real(method, url, **rest)
        monkeypatch.setattr(office.slant._transport, "exchange", real)
        office.clock.jump(BACK)
        office.round("worker-2")  # it handles the jump while the first still waits for its answer
        raise Unanswered("reset", bytes_sent=True)

    monkeypatch.setattr(office.slant._transport, "exchange", lose)
    office.round()

    settled_within(office, submission, 10)


def test_a_worker_that_was_killed_before_the_clock_was_set_back(office: Office) -> None:
    office.round("worker-2")
    killed = office.submit()
    assert claiming.claim(worker=Actor.worker("worker-1:1"), clock=office.clock)
    office.clock.jump(BACK)

    settled_within(office, killed, 10)


def test_a_lease_that_was_written_after_the_jump_was_handled(office: Office) -> None:
    office.round("worker-2")
    submission = office.submit()
    assert claiming.claim(worker=Actor.worker("worker-1:1"), clock=office.clock)
    office.clock.jump(BACK)
    office.round("worker-2")
    Submission.objects.filter(pk=submission.pk).update(lease_until=office.clock.now() + AHEAD)

    settled_within(office, submission, 10)


@pytest.mark.parametrize("state", [State.QUEUED, State.UNKNOWN])
def test_a_due_time_that_was_written_after_the_jump_was_handled(office: Office, state: State) -> None:
    submission = office.submit()
    if state == State.UNKNOWN:
        office.box.mischief.append("drop_after")
        office.round()
        assert fresh(submission).state == State.UNKNOWN
    Submission.objects.filter(pk=submission.pk).update(due_at=office.clock.now() + AHEAD)

    settled_within(office, submission, 1)


def test_a_quiet_period_that_ends_further_ahead_than_any_begins_anew(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.append("drop_before")
    office.round()
    Submission.objects.filter(pk=submission.pk).update(
        quiet_until=office.clock.now() + AHEAD, due_at=office.clock.now() + AHEAD
    )
    before = len(office.box.requests)

    settled_within(office, submission, 10)

    assert len(office.box.requests) - before < 80, "a time that never comes makes nobody look without a pause"


def test_an_absence_that_was_noted_by_a_clock_ahead_is_noted_again(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.append("drop_before")
    office.round()
    office.rounds(minutes=2.5)
    evidence = fresh(submission).check_state
    assert "absent_since" in evidence
    evidence["absent_since"] = (office.clock.now() + AHEAD).isoformat()
    Submission.objects.filter(pk=submission.pk).update(check_state=evidence)

    settled_within(office, submission, 10)


def test_a_proof_of_absence_dated_ahead_is_no_proof(office: Office) -> None:
    submission = office.submit()
    submission.absent_at = office.clock.now() + AHEAD
    assert not claiming._is_proof_fresh(submission, office.clock.now())


def test_the_page_stops_spinning_though_the_clock_was_set_back_after_saving(office: Office) -> None:
    submission = office.submit()
    Submission.objects.filter(pk=submission.pk).update(state=State.SENDING)
    office.clock.jump(BACK)

    assert not submission_page(fresh(submission), office.person, office.clock.now()).busy


def test_the_longest_quiet_period_is_not_taken_for_one_that_lies_ahead(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.append("drop_before")
    office.round()
    assert not unknown_outcome.restart_if_ahead(fresh(submission), office.clock.now())


def test_good_news_of_the_future_says_nothing_of_slant_now(office: Office) -> None:
    office.submit()
    office.round()
    office.clock.jump(-7200)
    assert Attempt.objects.get().outcome == Outcome.OK

    assert not health(office.clock).slant.ok
