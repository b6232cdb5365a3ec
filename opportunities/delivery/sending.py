"""Sending: one exchange with Slant for a claimed submission. No transaction is open across the network."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from opportunities import mirror
from opportunities.clock import Clock, ClockJumped, unwatched
from opportunities.deal_fields import is_unreadable, values_of_record
from opportunities.delivery import answers, restore_guard, states
from opportunities.delivery.answers import WriteNotTried
from opportunities.delivery.claiming import Claim, ask_owners, claim
from opportunities.delivery.connection import classify_error, hold_for_token, metered
from opportunities.delivery.kinds import kind_of, sent_fields
from opportunities.delivery.states import LostRace, Reason, Transition
from opportunities.delivery.unit_alarm import sound_unit_alarm
from opportunities.models import Attempt, Book, Outcome, State, Submission
from opportunities.runtime import alerts, breaker, budget
from opportunities.runtime.alerts import AlertText
from opportunities.runtime.budget import BudgetSpent, Share
from opportunities.runtime.stopping import Stopping, never_stopping
from opportunities.slant import errors
from opportunities.slant.client import Ended, SlantClient
from opportunities.slant.types import Written
from opportunities.trail.audit import Actor, Remote

# Attempts at an edit or a move whose deal Slant shows without anything we can read, about six minutes.
UNREADABLE_TRIES = 10
# The next round starts at once. Without this limit, a slow Slant and a long queue would keep a round from
# ending for minutes, and only the end of a round shows that its worker works.
ROUND_SECONDS = 15.0


def deliver_due(
    slant: SlantClient, *, worker: Actor, clock: Clock, stopping: Stopping = never_stopping
) -> int:
    """Send what is due, one after another, for ROUND_SECONDS. Returns how many exchanges were made."""
    count, until = 0, clock.monotonic() + ROUND_SECONDS
    while not stopping() and clock.monotonic() < until and (claimed := claim(worker=worker, clock=clock)):
        restore_guard.update_head_file()
        deliver(claimed, slant, worker=worker, clock=clock)
        count += 1
    if breaker.state(clock.now()).is_open:
        ask_owners(worker=worker, clock=clock)
    return count


def deliver(claimed: Claim, slant: SlantClient, *, worker: Actor, clock: Clock) -> None:
    """Make the one exchange of `claimed` and record its outcome, even when the clock jumped meanwhile."""
    submission, steady, clock = claimed.submission, clock, unwatched(clock)
    requests = _Requests(claimed, clock)
    client = slant.using(reference=submission.reference, before_send=requests.begin)
    started = clock.monotonic()
    try:
        conflicting = _read_before_writing(client, submission, clock)
        answer = None if conflicting else _make_write(client, submission, clock)
    except errors.SlantError as raised:
        elapsed = int((clock.monotonic() - started) * 1000)
        requests.refund_unused()
        error = classify_error(raised, slant, worker=worker, clock=steady)
        following = answers.after_error(submission, error, clock)
        _finish(claimed, following, answers.error_facts(error, elapsed), worker, clock)
        _react_to_error(submission, error, worker=worker, clock=clock)
        return
    elapsed = int((clock.monotonic() - started) * 1000)
    requests.refund_unused()
    if answer is None:
        facts = {"outcome": Outcome.REJECTED, "code": "conflict", "bytes_sent": False}
        _finish(claimed, answers.after_conflict(conflicting), facts, worker, clock)
        return
    complete = answer if answer.is_whole else _complete_answer(slant, submission, answer, steady)
    if complete is None:
        following = answers.after_mismatch(submission, answer, Reason("not_shown"), clock)
    else:
        answer, following = complete, answers.after_answer(submission, complete, clock)
    _finish(
        claimed, following, answers.answer_facts(submission, answer, elapsed), worker, clock, answer=answer
    )
    if answer.unit_alarm:
        sound_unit_alarm(submission, answer.record.value, worker=worker, clock=clock)


@dataclass
class _Requests:
    """The requests of one claim, whose calls were counted when it was made."""

    claimed: Claim
    clock: Clock
    count: int = 0

    def begin(self) -> Ended:
        """Called immediately before each request; returns the function to call with how it ended."""
        _refuse_late_send(self.claimed, self.clock)
        self.count += 1
        return partial(budget.settle, self.claimed.charge, clock=self.clock)

    def refund_unused(self) -> None:
        """Calls that were counted and not made, such as the write after a read that found a conflict."""
        budget.refund(self.claimed.charge, calls=max(0, self.claimed.charge.calls - self.count))


def _refuse_late_send(claimed: Claim, clock: Clock) -> None:
    """Called immediately before each request: a worker that was paused meanwhile must not send after its
    lease.

    Monotonic time stops while a machine is suspended, and the wall clock can be set. So both clocks must
    allow the send, and the submission must still be claimed by us. Raises `WriteNotTried` otherwise.
    """
    longest = timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS)
    claimed_row = Submission.objects.filter(
        pk=claimed.submission.pk, state=State.SENDING, fence=claimed.submission.fence
    )
    is_ours = claimed_row.exists()
    # The clocks come last, because the query may have taken long.
    is_late = clock.monotonic() > claimed.begin_by or clock.now() + longest > claimed.attempt.lease_until
    if is_late or not is_ours:
        raise WriteNotTried("We were interrupted before it was sent.")


def _read_before_writing(client: SlantClient, submission: Submission, clock: Clock) -> dict[str, str]:
    """Fields of an edit or move that somebody changed in Slant since the person looked (Slant API 10.29).

    Each comes with the reason for people. A field that we cannot read may be such a change. If the whole deal
    is unreadable, and still is at the last of UNREADABLE_TRIES, nothing is sent, because that may never
    change.

    The values found go into the mirror, because the person is asked about them and must see them.
    """
    if submission.makes_record:
        return {}
    try:
        record = client.opportunity(submission.opportunity_id)
    except errors.SlantNoAnswer as error:
        if error.undocumented and submission.attempts_count >= UNREADABLE_TRIES:
            return dict.fromkeys(sent_fields(submission), answers.NOT_READABLE)
        raise _reclassified(WriteNotTried, error) from error
    except errors.SlantNotFound as error:
        raise _reclassified(answers.RecordGone, error) from error
    conflicting = kind_of(submission).conflict(record, submission)
    if conflicting:
        with transaction.atomic():
            mirror.apply(record, clock=clock)
    record_values = values_of_record(record, conflicting)
    return {
        name: answers.NOT_READABLE if is_unreadable(record_values.get(name)) else answers.CHANGED_MEANWHILE
        for name in conflicting
    }


def _make_write(client: SlantClient, submission: Submission, clock: Clock) -> Written:
    """The write. After a 404 to an edit or move the deal is read once more, because it may just be gone.

    A 404 may also be about a stage or a person that the body names (Slant API 7.7).
    """
    try:
        return kind_of(submission).send(client, submission)
    except errors.SlantNotFound as error:
        if not submission.makes_record and _is_gone(client, submission, clock):
            raise _reclassified(answers.RecordGone, error) from error
        raise


def _is_gone(client: SlantClient, submission: Submission, clock: Clock) -> bool:
    try:
        metered(client, Share.PEOPLE, clock).opportunity(submission.opportunity_id)
    except errors.SlantNotFound:
        return True
    except (BudgetSpent, errors.SlantError):
        pass  # not known, so the deal counts as present until the next full sync
    return False


def _reclassified(kind: type[errors.SlantError], error: errors.SlantError) -> errors.SlantError:
    """`error` as another class, with everything it says."""
    return kind(
        error.message,
        status=error.status,
        code=error.code,
        log_line=error.log_line,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )


def _complete_answer(
    slant: SlantClient, submission: Submission, answer: Written, clock: Clock
) -> Written | None:
    """An answer that left out what was sent, completed by one more call. None when Slant cannot be asked."""
    try:
        client = metered(slant, Share.PEOPLE, clock).using(reference=submission.reference)
        return client.read_back(answer, submission.body.encode())
    except (BudgetSpent, ClockJumped, errors.SlantError):
        return None


def _finish(
    claimed: Claim,
    following: Transition,
    facts: dict[str, Any],
    worker: Actor,
    clock: Clock,
    *,
    answer: Written | None = None,
) -> None:
    """Close the attempt and change the submission in one commit. Does nothing when the lease was lost."""
    submission = claimed.submission
    answer_marks = {"status": facts.get("status"), "request_id": facts.get("remote_request_id", "")}
    remote = Remote.showing(answer.record, **answer_marks) if answer else Remote(**answer_marks)
    try:
        with transaction.atomic():
            Attempt.objects.filter(pk=claimed.attempt.pk, finished_at=None).update(
                finished_at=clock.now(), **facts
            )
            states.transition(
                submission,
                following.state,
                by=worker,
                clock=clock,
                reason=following.reason,
                remote=remote,
                lease_owner="",
                lease_until=None,
                **following.fields,
            )
            if answer and following.state == State.CONFIRMED:
                mirror.apply(answer.record, clock=clock, by=submission.by_display)
            if following.reason.code == answers.RECORD_GONE:
                mirror.mark_gone([submission.opportunity_id], now=clock.now())
    except LostRace:
        return
    except IntegrityError:
        owner = answers.record_owner(submission, answer) if answer else None
        if answer is None or owner is None:
            raise
        # Another submission took the record in the same moment.
        replay = answers.after_replay(submission, owner, answer, clock)
        _finish(claimed, replay, facts, worker, clock)
        return
    if following.state == State.CONFIRMED:
        _clear_book_refusal(submission.book_id, clock)


def _react_to_error(submission: Submission, error: errors.SlantError, *, worker: Actor, clock: Clock) -> None:
    """Do what an error requires beyond this submission: set a hold, or open an alert about the book."""
    if isinstance(error, errors.SlantRefusedUs):
        hold_for_token(answers.hold_code(error), worker=worker, clock=clock)
    elif isinstance(error, errors.SlantForbidden):
        Book.objects.filter(pk=submission.book_id).update(refused_at=clock.now())
        name = submission.labels.get("book") or submission.book_id
        text = AlertText(
            f"Slant does not let our connection make changes in the book {name}.",
            "Deals and changes that people enter for this book are refused. Other books go on as usual.",
            "Let the principal of the book give the owner of our token the right to make changes in it. This "
            "closes with the first change that Slant accepts there.",
            "/submissions/",
        )
        alerts.open_alert(f"book:{submission.book_id}", text, clock=clock)


def _clear_book_refusal(book_id: str, clock: Clock) -> None:
    if Book.objects.filter(pk=book_id).exclude(refused_at=None).update(refused_at=None):
        alerts.close_alert(f"book:{book_id}", clock=clock)
