"""Moving a deal to another stage, with the reason why it was lost, and undoing a move.

Slant has no field for a lost reason, so it is kept here, in one commit with the move.
"""

from dataclasses import dataclass

from django.db import transaction

from opportunities.actions import submissions, withdrawing
from opportunities.clock import Clock
from opportunities.deal_fields import Fields
from opportunities.delivery.kinds import DealChanges, sent_fields
from opportunities.models import Kind, LostReason, Person, Submission
from opportunities.trail import audit
from opportunities.trail.audit import Actor


@dataclass(frozen=True)
class MoveRequest:
    """The stage a deal is to move to, and the one the person saw. `probability` None leaves it as it is."""

    opportunity_id: str
    stage_id: str
    seen_stage_id: str
    probability: int | None = None
    seen_probability: int | None = None
    lost_reason: str = ""


def move(
    *,
    move_request: MoveRequest,
    person: Person,
    by: Actor,
    clock: Clock,
    form_token: str,
    row: int = 0,
    confirm_overwrite: bool = False,
) -> Submission:
    """Submit the move. Raises what `submissions.change` raises."""
    new_values: Fields = {"pipeline_stage_id": move_request.stage_id}
    seen_values: Fields = {"pipeline_stage_id": move_request.seen_stage_id}
    if move_request.probability is not None:
        new_values["probability"], seen_values["probability"] = (
            move_request.probability,
            move_request.seen_probability,
        )
    with transaction.atomic():
        submission = submissions.change(
            changes=DealChanges(move_request.opportunity_id, new_values, seen_values),
            kind=Kind.MOVE,
            person=person,
            by=by,
            clock=clock,
            form_token=form_token,
            row=row,
            confirm_overwrite=confirm_overwrite,
        )
        if move_request.lost_reason:
            _save_lost_reason(move_request, submission, by=by, clock=clock)
    return submission


def _save_lost_reason(move_request: MoveRequest, submission: Submission, *, by: Actor, clock: Clock) -> None:
    _, is_new = LostReason.objects.get_or_create(
        submission_id=submission.pk,
        defaults={
            "opportunity_id": move_request.opportunity_id,
            "stage_id": move_request.stage_id,
            "reason": move_request.lost_reason,
            "by": submission.by_display,
            "at": clock.now(),
        },
    )
    if is_new:
        audit.record(
            clock=clock,
            by=by,
            action="opportunity.lost_reason",
            object_type="opportunity",
            object_id=move_request.opportunity_id,
            outcome="ok",
            reason_text=move_request.lost_reason,
        )


def undo(
    *, submission: Submission, person: Person, by: Actor, clock: Clock, form_token: str, row: int = 0
) -> Submission:
    """Undo the move: withdraw it while it surely has not reached Slant, else move the deal back.

    Returns the withdrawn submission, or the one that moves back. Raises what `submissions.change` raises.
    """
    try:
        return withdrawing.withdraw(submission=submission, person=person, by=by, clock=clock)
    except withdrawing.TooLate:
        body_fields = sent_fields(submission)
        # In the order they were sent, because a database may return the keys of `seen` in another.
        before = {field: submission.seen[field] for field in body_fields}
        return submissions.change(
            changes=DealChanges(submission.opportunity_id, new_values=before, seen_values=body_fields),
            kind=Kind.MOVE,
            person=person,
            by=by,
            clock=clock,
            form_token=form_token,
            row=row,
        )
