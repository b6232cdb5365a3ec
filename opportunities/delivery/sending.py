"""Sending: one exchange with Slant for a claimed submission, and what its answer means.

No transaction is open across the network. What an answer means is the table of Slant API 3.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from opportunities import mirror
from opportunities.clock import Clock
from opportunities.deal_fields import values_of_record
from opportunities.delivery import holds, restore_guard, states
from opportunities.delivery.claiming import Claim, claim
from opportunities.delivery.connection import classify_error, hold_for_token
from opportunities.delivery.kinds import kind_of, sent_fields
from opportunities.delivery.states import LostRace, Reason
from opportunities.delivery.unit_alarm import sound_unit_alarm
from opportunities.delivery.unknown_outcome import Transition, to_unknown
from opportunities.models import Attempt, Book, Kind, Outcome, State, Submission
from opportunities.runtime import alerts, budget
from opportunities.runtime.budget import BudgetSpent, Share
from opportunities.runtime.stopping import Stopping, never_stopping
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.types import Written
from opportunities.trail.audit import Actor, Remote

BACKOFF_CAP_SECONDS = 60

OUTCOMES: dict[type[errors.SlantError], Outcome] = {
    errors.SlantRejected: Outcome.REJECTED,
    errors.SlantForbidden: Outcome.FORBIDDEN,
    errors.SlantRefusedUs: Outcome.REFUSED_US,
    errors.SlantBusy: Outcome.BUSY,
    errors.SlantUnreachable: Outcome.UNREACHABLE,
    errors.SlantNoAnswer: Outcome.NO_ANSWER,
}


def deliver_due(
    slant: SlantClient, *, worker: Actor, clock: Clock, stopping: Stopping = never_stopping
) -> int:
    """Send everything that is due, one after another. Returns how many exchanges were made."""
    made = 0
    while not stopping() and (claimed := claim(worker=worker, clock=clock)):
        restore_guard.update_head_file()
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
        error = classify_error(met, slant, worker=worker, clock=clock)
        _finish(claimed, _after_error(submission, error, clock), _told(error, elapsed), worker, clock)
        _react(submission, error, worker=worker, clock=clock)
        return
    elapsed = int((clock.monotonic() - started) * 1000)
    if written is None:
        then = _conflict(conflicting)
        facts = {"outcome": Outcome.REJECTED, "code": "conflict", "bytes_sent": False}
        _finish(claimed, then, facts, worker, clock)
        return
    shown = written if written.is_whole else _read_back(client, submission, written, clock)
    if shown is None:
        then = _doubted(submission, written, Reason("not_shown"), clock)
    else:
        written, then = shown, _after_answer(submission, shown, clock)
    _finish(claimed, then, _answer(submission, written, elapsed), worker, clock, written=written)
    if written.unit_alarm:
        sound_unit_alarm(submission, written.record.value, worker=worker, clock=clock)


def _conflict(fields: list[str]) -> Transition:
    changed = {field: ["Someone changed this in Slant in the meantime."] for field in fields}
    return Transition(State.REJECTED, Reason("conflict", ", ".join(fields)), {"field_errors": changed})


def _read_back(client: SlantClient, submission: Submission, written: Written, clock: Clock) -> Written | None:
    """An answer that left out what was sent, completed by one more call. None when Slant cannot be asked now."""
    try:
        budget.take(Share.PEOPLE, calls=1, clock=clock)
        return client.read_back(written, submission.body.encode())
    except (BudgetSpent, errors.SlantError):
        return None


def _answer(submission: Submission, written: Written, elapsed_ms: int) -> dict[str, Any]:
    """What an attempt keeps of an answer."""
    return {
        "outcome": Outcome.OK,
        "status": written.status,
        "remote_request_id": written.request_id[:200],
        "remote_date": written.server_date,
        "record_id": written.record.id,
        "answer": values_of_record(written.record, sent_fields(submission)),
        "elapsed_ms": elapsed_ms,
        "bytes_sent": True,
    }


class _NothingWritten(errors.SlantUnreachable):
    """The read before a write got no answer: the write was not tried, so nothing was executed."""


def _in_time(claimed: Claim, clock: Clock) -> None:
    """Asked immediately before each request: a worker that froze in between must not send under a lease long
    over.

    Monotonic time stands still while a machine is suspended, the wall clock can be set: both must agree, and
    the submission must still be ours.
    """
    longest = timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS)
    mine = Submission.objects.filter(
        pk=claimed.submission.pk, state=State.SENDING, fence=claimed.submission.fence
    )
    still_mine = mine.exists()
    # Asked last: the question before may have taken long.
    late = clock.monotonic() > claimed.begin_by or clock.now() + longest > claimed.attempt.lease_until
    if late or not still_mine:
        raise _NothingWritten("We were interrupted before it was sent.")


def _read_before_writing(client: SlantClient, submission: Submission, clock: Clock) -> list[str]:
    """Fields of an edit or move that somebody changed in Slant since the person looked (Slant API 10.29).

    What is there instead goes into the mirror: it is what the person is asked about, and must see.
    """
    if submission.makes_record:
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


def _after_error(submission: Submission, error: errors.SlantError, clock: Clock) -> Transition:
    """The table of Slant API 3: what an error of a write makes of its submission."""
    now = clock.now()
    match error:
        case errors.SlantForbidden():
            return Transition(State.REJECTED, Reason("forbidden_book", error.message))
        case errors.SlantRejected():
            refused = {"field_errors": error.field_errors, "remote_status": error.status}
            return Transition(State.REJECTED, Reason("rejected", error.message), refused)
        case errors.SlantRefusedUs():
            return Transition(State.QUEUED, Reason(_hold_code(error)), {"due_at": now})
        case errors.SlantBusy():
            until = budget.back_off(error.retry_after, clock=clock)
            return Transition(State.QUEUED, Reason("busy"), {"due_at": until})
        case errors.SlantUnreachable():
            wait = min(2 ** min(submission.attempts_count - 1, 6), BACKOFF_CAP_SECONDS)
            return Transition(State.QUEUED, Reason("unreachable"), {"due_at": now + timedelta(seconds=wait)})
        case _:
            return _in_doubt(submission, Reason("no_answer", error.message), clock)


def _in_doubt(submission: Submission, reason: Reason, clock: Clock) -> Transition:
    """Not known, and not for the first time perhaps: how long Slant has been answering our looks goes on
    counting.
    """
    then = to_unknown(submission, reason, clock)
    if since := submission.check_state.get("answered_since"):
        then.fields["check_state"]["answered_since"] = since
    return then


def _after_answer(submission: Submission, written: Written, clock: Clock) -> Transition:
    """What a 2xx means: ours if every field came back as sent and no other submission owns the record."""
    if owner := _owner(submission, written):
        return _of_another(submission, owner, written, clock)
    if written.as_sent:
        fields = {"opportunity_id": written.record.id, "remote_status": written.status}
        return Transition(State.CONFIRMED, fields=fields)
    reason = Reason("unit_alarm" if written.unit_alarm else "mismatch")
    return _doubted(submission, written, reason, clock)


def _owner(submission: Submission, written: Written) -> Submission | None:
    """The other submission that the record of a create's answer belongs to."""
    if not submission.makes_record:
        return None
    owned = Submission.objects.filter(kind=Kind.CREATE, opportunity_id=written.record.id)
    return owned.exclude(pk=submission.pk).first()


def _of_another(submission: Submission, owner: Submission, written: Written, clock: Clock) -> Transition:
    """A replay of a record that another submission owns.

    If that one asked for just the same, it was given ours while our answer was lost, and nothing was made for
    it. So our key is spent and will never make another; under a new one it is sent when absence was proven
    once more.
    """
    if owner.body_sha256 != submission.body_sha256:
        return _doubted(submission, written, Reason("mismatch"), clock)
    then = _in_doubt(submission, Reason("twin"), clock)
    then.fields |= {"idempotency_key": uuid4(), "generation": submission.generation + 1}
    return then


def _doubted(submission: Submission, written: Written, reason: Reason, clock: Clock) -> Transition:
    """An answer that names a record and does not show it to be ours: looked for, and never sent again by
    itself.
    """
    then = _in_doubt(submission, reason, clock)
    then.fields["mismatches"] = list(written.mismatches)
    then.fields["check_state"]["answer_id"] = written.record.id
    return then


def _finish(
    claimed: Claim,
    then: Transition,
    facts: dict[str, Any],
    worker: Actor,
    clock: Clock,
    *,
    written: Written | None = None,
) -> None:
    """Close the attempt and change the submission in one commit; nothing at all if the lease was lost
    meanwhile.
    """
    submission = claimed.submission
    said = {"status": facts.get("status"), "request_id": facts.get("remote_request_id", "")}
    remote = Remote.showing(written.record, **said) if written else Remote(**said)
    try:
        with transaction.atomic():
            Attempt.objects.filter(pk=claimed.attempt.pk, finished_at=None).update(
                finished_at=clock.now(), **facts
            )
            states.transition(
                submission,
                then.state,
                by=worker,
                clock=clock,
                reason=then.reason,
                remote=remote,
                lease_owner="",
                lease_until=None,
                **then.fields,
            )
            if written and then.state == State.CONFIRMED:
                mirror.apply(written.record, clock=clock, by=submission.by_display)
    except LostRace:
        return
    except IntegrityError:
        owner = _owner(submission, written) if written else None
        if written is None or owner is None:
            raise
        # It took the record in the same moment.
        _finish(claimed, _of_another(submission, owner, written, clock), facts, worker, clock)
        return
    if then.state == State.CONFIRMED:
        budget.record_success()
        _book_takes_writes(submission.book_id, clock)


def _react(submission: Submission, error: errors.SlantError, *, worker: Actor, clock: Clock) -> None:
    """What an error means for more than this submission: hold the queue, wait, or tell a manager about the
    book.
    """
    if isinstance(error, errors.SlantRefusedUs):
        hold_for_token(_hold_code(error), worker=worker, clock=clock)
    elif isinstance(error, errors.SlantNoAnswer | errors.SlantUnreachable) and error.retry_after is not None:
        budget.pause(error.retry_after, clock=clock)
    elif isinstance(error, errors.SlantForbidden):
        Book.objects.filter(pk=submission.book_id).update(refused_at=clock.now())
        name = submission.labels.get("book") or submission.book_id
        text = f"Slant does not let our connection make changes in the book {name}."
        alerts.open_alert(f"book:{submission.book_id}", text, clock=clock)


def _hold_code(error: errors.SlantRefusedUs) -> str:
    return holds.TOKEN_READ_ONLY if error.status == 403 else holds.TOKEN_REFUSED


def _book_takes_writes(book_id: str, clock: Clock) -> None:
    if Book.objects.filter(pk=book_id).exclude(refused_at=None).update(refused_at=None):
        alerts.close_alert(f"book:{book_id}", clock=clock)
