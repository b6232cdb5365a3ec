"""Moving a deal to another stage: by itself, with why it was lost, and back again.

Slant has no field for why a deal was lost, so that is kept here, committed together with the move that asked
for it.
"""

from dataclasses import dataclass

from django.db import transaction

from opportunities.actions import submissions
from opportunities.clock import Clock
from opportunities.deal_fields import Fields
from opportunities.delivery.kinds import Changes, sent_fields
from opportunities.models import Kind, LostReason, Person, Submission
from opportunities.trail import audit
from opportunities.trail.audit import Actor


@dataclass(frozen=True)
class Aim:
    """Where a deal shall go, from where the person saw it. `probability` None leaves it as it is."""

    opportunity_id: str
    stage_id: str
    seen_stage_id: str
    probability: int | None = None
    seen_probability: int | None = None
    lost_reason: str = ""


def move(
    *,
    aim: Aim,
    person: Person,
    by: Actor,
    clock: Clock,
    form_token: str,
    row: int = 0,
    confirm_overwrite: bool = False,
) -> Submission:
    """Take the move. Raises what `submissions.change` raises."""
    wanted: Fields = {"pipeline_stage_id": aim.stage_id}
    seen: Fields = {"pipeline_stage_id": aim.seen_stage_id}
    if aim.probability is not None:
        wanted["probability"], seen["probability"] = aim.probability, aim.seen_probability
    with transaction.atomic():
        submission = submissions.change(
            changes=Changes(aim.opportunity_id, wanted, seen),
            kind=Kind.MOVE,
            person=person,
            by=by,
            clock=clock,
            form_token=form_token,
            row=row,
            confirm_overwrite=confirm_overwrite,
        )
        if aim.lost_reason:
            _keep_reason(aim, submission, by=by, clock=clock)
    return submission


def _keep_reason(aim: Aim, submission: Submission, *, by: Actor, clock: Clock) -> None:
    _, is_new = LostReason.objects.get_or_create(
        submission_id=submission.pk,
        defaults={
            "opportunity_id": aim.opportunity_id,
            "stage_id": aim.stage_id,
            "reason": aim.lost_reason,
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
            object_id=aim.opportunity_id,
            outcome="ok",
            reason_text=aim.lost_reason,
        )


def undo(
    *, submission: Submission, person: Person, by: Actor, clock: Clock, form_token: str, row: int = 0
) -> Submission:
    """Take the move back: withdrawn while it surely has not reached Slant, else moved back to what was seen
    before.

    Returns the withdrawn submission, or the one that moves back. Raises what `submissions.change` raises.
    """
    try:
        return submissions.withdraw(submission=submission, person=person, by=by, clock=clock)
    except submissions.TooLate:
        sent = sent_fields(submission)
        # In the order they were sent: a database may give the keys of `seen` in an order of its own.
        before = {field: submission.seen[field] for field in sent}
        return submissions.change(
            changes=Changes(submission.opportunity_id, wanted=before, seen=sent),
            kind=Kind.MOVE,
            person=person,
            by=by,
            clock=clock,
            form_token=form_token,
            row=row,
        )
