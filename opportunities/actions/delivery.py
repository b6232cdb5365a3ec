"""Sending: one exchange with Slant for a claimed submission, and what its answer means.

No transaction is open across the network. What an answer means is the table of Slant API 3.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction

from opportunities.actions import alerts, budget, guarding, mirror, running, states
from opportunities.actions.audit import Actor, Remote
from opportunities.actions.claiming import Claim, claim
from opportunities.actions.connection import hold_for_token, meaning_of
from opportunities.actions.doubt import Next, doubtful
from opportunities.actions.kinds import kind_of, record_fields
from opportunities.actions.states import LostRace, Reason
from opportunities.clock import Clock
from opportunities.models import Attempt, Book, Kind, Outcome, State, Submission
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.types import Written

BACKOFF_CAP_SECONDS = 60

OUTCOMES: dict[type[errors.SlantError], Outcome] = {
    errors.SlantRejected: Outcome.REJECTED,
    errors.SlantForbidden: Outcome.FORBIDDEN,
    errors.SlantRefusedUs: Outcome.REFUSED_US,
    errors.SlantBusy: Outcome.BUSY,
    errors.SlantUnreachable: Outcome.UNREACHABLE,
    errors.SlantNoAnswer: Outcome.NO_ANSWER,
}


def deliver_due(slant: SlantClient, *, worker: Actor, clock: Clock) -> int:
    """Send everything that is due, one after another. Returns how many exchanges were made."""
    made = 0
    while claimed := claim(worker=worker, clock=clock):
        guarding.write_head()
        deliver(claimed, slant, worker=worker, clock=clock)
        made += 1
    return made


def deliver(claimed: Claim, slant: SlantClient, *, worker: Actor, clock: Clock) -> None:
    """Make the one exchange of `claimed` and write down what came of it."""
    submission = claimed.submission
    client = slant.using(reference=submission.reference, before_send=lambda: _in_time(claimed, clock))
    started = clock.monotonic()
    try:
        conflicting = _read_before_writing(client, submission, clock)
        written = None if conflicting else kind_of(submission).send(client, submission)
    except errors.SlantError as met:
        elapsed = int((clock.monotonic() - started) * 1000)
        error = meaning_of(met, slant, worker=worker, clock=clock)
        _finish(claimed, _after_error(submission, error, clock), _told(error, elapsed), worker, clock)
        _react(submission, error, worker=worker, clock=clock)
        return
    elapsed = int((clock.monotonic() - started) * 1000)
    if written is None:
        reason = Reason("conflict", ", ".join(conflicting))
        changed = {field: ["Someone changed this in Slant in the meantime."] for field in conflicting}
        then = Next(State.REJECTED, reason, {"field_errors": changed})
        _finish(
            claimed,
            then,
            {"outcome": Outcome.REJECTED, "code": "conflict", "bytes_sent": False},
            worker,
            clock,
        )
        return
    facts = {
        "outcome": Outcome.OK,
        "status": written.status,
        "remote_request_id": written.request_id[:200],
        "remote_date": written.server_date,
        "record_id": written.record.id,
        "answer": record_fields(written.record),
        "elapsed_ms": elapsed,
        "bytes_sent": True,
    }
    _finish(claimed, _after_answer(submission, written, clock), facts, worker, clock, written=written)
    if written.unit_alarm:
        _sound_unit_alarm(submission, written, worker=worker, clock=clock)


class _NothingWritten(errors.SlantUnreachable):
    """The read before a write got no answer: the write was not tried, so nothing was executed."""


def _in_time(claimed: Claim, clock: Clock) -> None:
    """Asked immediately before each request: a worker that froze in between must not send under a lease long over."""
    if clock.monotonic() > claimed.begin_by:
        raise _NothingWritten("We were interrupted before it was sent.")


def _read_before_writing(client: SlantClient, submission: Submission, clock: Clock) -> list[str]:
    """Fields of an edit or move that somebody changed in Slant since the person looked (Slant API 10.29).

    What is there instead goes into the mirror: it is what the person is asked about, and must see.
    """
    if kind_of(submission).makes_record:
        return []
    try:
        record = client.opportunity(submission.opportunity_id)
    except errors.SlantNoAnswer as error:
        raise _NothingWritten(
            error.message,
            status=error.status,
            code=error.code,
            log_line=error.log_line,
            request_id=error.request_id,
            retry_after=error.retry_after,
        ) from error
    conflicting = kind_of(submission).conflict(record, submission)
    if conflicting:
        with transaction.atomic():
            mirror.apply(record, clock=clock)
    return conflicting


def _told(error: errors.SlantError, elapsed_ms: int) -> dict[str, Any]:
    """What an attempt keeps of an error. `message` and `field_errors` are plain text by the client's promise."""
    outcome = next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)
    return {
        "outcome": outcome,
        "status": error.status,
        "code": error.code[:100],
        "message": error.message[:1000],
        "field_errors": error.field_errors,
        "bytes_sent": error.bytes_sent,
        "remote_request_id": error.request_id[:200],
        "remote_date": error.server_date,
        "elapsed_ms": elapsed_ms,
    }


def _after_error(submission: Submission, error: errors.SlantError, clock: Clock) -> Next:
    """The table of Slant API 3: what an error of a write makes of its submission."""
    now = clock.now()
    match error:
        case errors.SlantForbidden():
            return Next(State.REJECTED, Reason("forbidden_book", error.message))
        case errors.SlantRejected():
            refused = {"field_errors": error.field_errors, "remote_status": error.status}
            return Next(State.REJECTED, Reason("rejected", error.message), refused)
        case errors.SlantRefusedUs():
            return Next(State.QUEUED, Reason(_hold_code(error)), {"due_at": now})
        case errors.SlantBusy():
            until = budget.slow_down(error.retry_after, clock=clock)
            return Next(State.QUEUED, Reason("busy"), {"due_at": until})
        case errors.SlantUnreachable():
            wait = min(2 ** min(submission.attempts_count - 1, 6), BACKOFF_CAP_SECONDS)
            return Next(State.QUEUED, Reason("unreachable"), {"due_at": now + timedelta(seconds=wait)})
        case _:
            return doubtful(submission, Reason("no_answer", error.message), clock)


def _after_answer(submission: Submission, written: Written, clock: Clock) -> Next:
    """What a 2xx means: ours if every field came back as sent and no other submission owns the record."""
    record_id = written.record.id
    replay_of_another = (
        kind_of(submission).makes_record
        and Submission.objects.filter(kind=Kind.CREATE, opportunity_id=record_id)
        .exclude(pk=submission.pk)
        .exists()
    )
    if written.as_sent and not replay_of_another:
        fields = {"opportunity_id": record_id, "remote_status": written.status}
        return Next(State.CONFIRMED, fields=fields)
    then = doubtful(submission, Reason("unit_alarm" if written.unit_alarm else "mismatch"), clock)
    then.fields["mismatches"] = list(written.mismatches)
    then.fields["check_state"] = {"answer_id": record_id}
    return then


def _finish(
    claimed: Claim,
    then: Next,
    facts: dict[str, Any],
    worker: Actor,
    clock: Clock,
    *,
    written: Written | None = None,
) -> None:
    """Close the attempt and change the submission in one commit; nothing at all if the lease was lost meanwhile."""
    submission = claimed.submission
    status, request_id, record_id = (
        facts.get("status"),
        facts.get("remote_request_id", ""),
        facts.get("record_id", ""),
    )
    try:
        with transaction.atomic():
            Attempt.objects.filter(pk=claimed.attempt.pk, finished_at=None).update(
                finished_at=clock.now(), **facts
            )
            states.change(
                submission,
                then.state,
                by=worker,
                clock=clock,
                reason=then.reason,
                remote=Remote(status, request_id, record_id),
                lease_owner="",
                lease_until=None,
                **then.fields,
            )
            if written and then.state == State.CONFIRMED:
                mirror.apply(written.record, clock=clock, by=submission.by_display)
    except LostRace:
        return
    if then.state == State.CONFIRMED:
        budget.went_well()
        _book_takes_writes(submission.book_id, clock)


def _react(submission: Submission, error: errors.SlantError, *, worker: Actor, clock: Clock) -> None:
    """What an error means for more than this submission: hold the queue, wait, or tell a manager about the book."""
    if isinstance(error, errors.SlantRefusedUs):
        hold_for_token(_hold_code(error), worker=worker, clock=clock)
    elif isinstance(error, errors.SlantNoAnswer | errors.SlantUnreachable) and error.retry_after is not None:
        budget.leave_alone(error.retry_after, clock=clock)
    elif isinstance(error, errors.SlantForbidden):
        Book.objects.filter(pk=submission.book_id).update(refused_at=clock.now())
        name = submission.labels.get("book") or submission.book_id
        text = f"Slant does not let our connection make changes in the book {name}."
        alerts.open_alert(f"book:{submission.book_id}", text, clock=clock)


def _hold_code(error: errors.SlantRefusedUs) -> str:
    return running.TOKEN_READ_ONLY if error.status == 403 else running.TOKEN_REFUSED


def _sound_unit_alarm(submission: Submission, written: Written, *, worker: Actor, clock: Clock) -> None:
    """Slant returned 100 times or a hundredth of the value: stop all sending until a manager looked (Slant API 10.1)."""
    text = (
        f"Slant returned {written.record.value} for {submission.reference}, which sent {submission.value}: "
        "dollars and cents may be mixed up. Nothing is sent until a manager has checked and released it."
    )
    running.hold(running.UNIT_ALARM, reason=text, by=worker, clock=clock)
    alerts.open_alert(running.UNIT_ALARM, text, clock=clock)


def _book_takes_writes(book_id: str, clock: Clock) -> None:
    if Book.objects.filter(pk=book_id).exclude(refused_at=None).update(refused_at=None):
        alerts.close_alert(f"book:{book_id}", clock=clock)
