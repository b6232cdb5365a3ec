"""The states of a submission: which transition is legal, and the one function that makes it.

A transition is one guarded UPDATE and one audit event in the caller's transaction. The guard is the state and
the fence that the caller read. When another process changed the row in between, nothing is written
(`LostRace`).
"""

from dataclasses import dataclass, field
from typing import Any

from opportunities.clock import Clock
from opportunities.models import FINAL, State, Submission
from opportunities.trail import audit
from opportunities.trail.audit import NO_REMOTE, Actor, AuditChange, Remote

LEGAL_TRANSITIONS: dict[str, frozenset[str]] = {
    State.QUEUED: frozenset({State.SENDING, State.WITHDRAWN, State.REJECTED, State.UNKNOWN}),
    State.SENDING: frozenset({State.CONFIRMED, State.REJECTED, State.QUEUED, State.UNKNOWN}),
    State.UNKNOWN: frozenset({State.CONFIRMED, State.QUEUED, State.REVIEW}),
    State.REVIEW: frozenset({State.CONFIRMED, State.QUEUED, State.WITHDRAWN}),
}


class LostRace(Exception):
    """Another process changed the submission since it was read; nothing was written."""


@dataclass(frozen=True)
class Reason:
    """Why a state was entered: `code` selects the sentence in `wording`, `text` is Slant's or a
    person's own.
    """

    code: str = ""
    text: str = ""


NO_REASON = Reason()


@dataclass
class Transition:
    """The change that an answer leads to: the next state, the reason, and other fields of the submission."""

    state: State
    reason: Reason = NO_REASON
    fields: dict[str, Any] = field(default_factory=dict)


def transition(
    submission: Submission,
    to: State,
    *,
    by: Actor,
    clock: Clock,
    reason: Reason = NO_REASON,
    remote: Remote = NO_REMOTE,
    evidence: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Move `submission` to `to`, set `fields`, and record it. Call inside `transaction.atomic()`.

    Raises `ValueError` for an illegal transition, and `LostRace` when the row is not what the caller read.
    `queued -> unknown` is for an outdated proof of absence and for a recovered database
    (docs/exactly-once.md).
    """
    before = submission.state
    if to not in LEGAL_TRANSITIONS.get(before, frozenset()):
        raise ValueError(f"{before} -> {to} is not a legal change of a submission")
    now = clock.now()
    fields |= {"state": to, "reason_code": reason.code, "reason_text": reason.text[:1000]}
    if to in FINAL:
        fields |= {"settled_at": now, "due_at": None, "lease_until": None, "lease_owner": ""}
        fields["told"] = not _owner_was_waiting(submission, before)
    unchanged = Submission.objects.filter(pk=submission.pk, state=before, fence=submission.fence)
    if not unchanged.update(**fields):
        raise LostRace(str(submission.pk))
    for name, value in fields.items():
        setattr(submission, name, value)
    audit.record(
        clock=clock,
        by=by,
        action=f"submission.{to}",
        submission=submission,
        change=AuditChange(before={"state": before}, after={"state": str(to)} | (evidence or {})),
        outcome=str(to),
        reason_code=reason.code,
        reason_text=reason.text,
        remote=remote,
    )


def _owner_was_waiting(submission: Submission, before: str) -> bool:
    """Whether the page last told the owner "held", "not sure" or "a manager decides", and so must show the
    outcome.
    """
    return bool(before in (State.UNKNOWN, State.REVIEW) or submission.unknown_since or submission.reason_code)
