"""Answers: what an answer or an error of a write makes of its submission, by the table of Slant API 3.

Nothing here calls Slant or changes a row.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from opportunities.clock import Clock
from opportunities.deal_fields import values_of_record
from opportunities.delivery import holds
from opportunities.delivery.kinds import sent_fields
from opportunities.delivery.states import Reason, Transition
from opportunities.delivery.unknown_outcome import to_unknown
from opportunities.models import Kind, Outcome, State, Submission
from opportunities.runtime.outcomes import outcome_of
from opportunities.slant import errors
from opportunities.slant.types import Written

BACKOFF_CAP_SECONDS = 60
UNREACHABLE_SECONDS = 1
# The reason of a change whose deal Slant no longer has. It is stored, and selects the words pages show.
RECORD_GONE = "record_gone"


class RecordGone(errors.SlantNotFound):
    """Slant answered 404 for the deal of an edit or move itself, not for something its body names."""


class WriteNotTried(errors.SlantUnreachable):
    """A step before the write failed, so the write was not tried and Slant executed nothing."""


def after_error(submission: Submission, error: errors.SlantError, clock: Clock) -> Transition:
    """The table of Slant API 3: what an error of a write makes of its submission.

    While Slant is away the breaker holds back the queue, so the wait set here is short: the submission is due
    when the breaker closes. Only when the read before a write fails repeatedly does each wait get longer,
    because the rest of Slant may be working and the breaker closed.
    """
    now = clock.now()
    match error:
        case errors.SlantForbidden():
            return Transition(State.REJECTED, Reason("forbidden_book", error.message))
        case RecordGone():
            return Transition(State.REJECTED, Reason(RECORD_GONE), {"remote_status": error.status})
        case errors.SlantRejected():
            refused = {"field_errors": error.field_errors, "remote_status": error.status}
            return Transition(State.REJECTED, Reason("rejected", error.message), refused)
        case errors.SlantRefusedUs():
            return Transition(State.QUEUED, Reason(hold_code(error)), {"due_at": now})
        case errors.SlantBusy():
            return Transition(State.QUEUED, Reason("busy"), {"due_at": now})
        case WriteNotTried():
            wait = min(2 ** min(submission.attempts_count - 1, 6), BACKOFF_CAP_SECONDS)
            return Transition(State.QUEUED, Reason("unreachable"), {"due_at": now + timedelta(seconds=wait)})
        case errors.SlantUnreachable():
            due = now + timedelta(seconds=UNREACHABLE_SECONDS)
            return Transition(State.QUEUED, Reason("unreachable"), {"due_at": due})
        case _:
            return _unknown_again(submission, Reason("no_answer", error.message), clock)


def after_answer(submission: Submission, answer: Written, clock: Clock) -> Transition:
    """What a 2xx means: the record is ours if every field came back as sent and no other submission owns it.

    An unreadable field does not prevent that, as long as another field distinguishes the deal from others.
    """
    if owner := record_owner(submission, answer):
        return after_replay(submission, owner, answer, clock)
    if answer.as_sent and submission.makes_record and not answer.recognized:
        return after_mismatch(submission, answer, Reason("not_shown"), clock)
    if answer.as_sent:
        fields = {"opportunity_id": answer.record.id, "remote_status": answer.status}
        return Transition(State.CONFIRMED, fields=fields)
    reason = Reason("unit_alarm" if answer.unit_alarm else "mismatch")
    return after_mismatch(submission, answer, reason, clock)


CHANGED_MEANWHILE = "Someone changed this in Slant in the meantime."
NOT_READABLE = "Slant shows something here we cannot read. Correct it in Slant first."


def after_conflict(fields: Mapping[str, str]) -> Transition:
    """The read before an edit or a move found a conflict in `fields`, each with a reason: nothing is
    written.
    """
    changed = {field: [reason] for field, reason in fields.items()}
    return Transition(State.REJECTED, Reason("conflict", ", ".join(fields)), {"field_errors": changed})


def after_mismatch(submission: Submission, answer: Written, reason: Reason, clock: Clock) -> Transition:
    """The answer names a record but does not show that it is ours: look for it, and never send it
    automatically.
    """
    following = _unknown_again(submission, reason, clock)
    following.fields["mismatches"] = list(answer.mismatches)
    following.fields["check_state"]["answer_id"] = answer.record.id
    return following


def after_replay(submission: Submission, owner: Submission, answer: Written, clock: Clock) -> Transition:
    """The answer is the record of `owner`, another submission.

    If `owner` asked for exactly the same, it was given our record while our answer was lost, and no record
    was made for it. So our key cannot make another record. The submission is sent under a new key once
    absence is proven again.
    """
    if owner.body_sha256 != submission.body_sha256:
        return after_mismatch(submission, answer, Reason("mismatch"), clock)
    following = _unknown_again(submission, Reason("twin"), clock)
    following.fields |= {"idempotency_key": uuid4(), "generation": submission.generation + 1}
    return following


def record_owner(submission: Submission, answer: Written) -> Submission | None:
    """The other submission that owns the record in the answer to a create."""
    if not submission.makes_record:
        return None
    owned = Submission.objects.filter(kind=Kind.CREATE, opportunity_id=answer.record.id)
    return owned.exclude(pk=submission.pk).first()


def _unknown_again(submission: Submission, reason: Reason, clock: Clock) -> Transition:
    """To `unknown`, perhaps not for the first time: the time in which Slant answered our looks keeps
    counting.
    """
    following = to_unknown(submission, reason, clock)
    if since := submission.check_state.get("answered_since"):
        following.fields["check_state"]["answered_since"] = since
    return following


def hold_code(error: errors.SlantRefusedUs) -> str:
    """The code of the hold to set when Slant refuses our token in this way."""
    return holds.TOKEN_READ_ONLY if error.status == 403 else holds.TOKEN_REFUSED


def answer_facts(submission: Submission, answer: Written, elapsed_ms: int) -> dict[str, Any]:
    """What an attempt keeps of an answer."""
    return {
        "outcome": Outcome.OK,
        "status": answer.status,
        "remote_request_id": answer.request_id[:200],
        "remote_date": answer.server_date,
        "record_id": answer.record.id,
        "answer": values_of_record(answer.record, sent_fields(submission)),
        "elapsed_ms": elapsed_ms,
        "bytes_sent": True,
    }


def error_facts(error: errors.SlantError, elapsed_ms: int) -> dict[str, Any]:
    """What an attempt keeps of an error. The client promises that message and field errors are plain text."""
    return {
        "outcome": outcome_of(error),
        "status": error.status,
        "code": error.code[:100],
        "message": error.message[:1000],
        "field_errors": error.field_errors,
        "bytes_sent": error.bytes_sent,
        "remote_request_id": error.request_id[:200],
        "remote_date": error.server_date,
        "elapsed_ms": elapsed_ms,
    }
