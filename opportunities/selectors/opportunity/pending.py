"""Requested changes of a deal that are not confirmed yet, or were refused recently."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from opportunities.access import opens_all_submissions
from opportunities.deal_fields import label_of
from opportunities.delivery.kinds import sent_fields
from opportunities.models import FINAL, Person, State, Submission
from opportunities.offer import StageChoice
from opportunities.selectors.opportunity.parts import PendingChange
from opportunities.selectors.waiting import Outlook, outlook, reason_now, when
from opportunities.wording import deals as words
from opportunities.wording import formats
from opportunities.wording import submissions as submissions_words
from opportunities.wording.fields import show_value

REFUSED_FOR = timedelta(days=1)


def has_open_changes(deal: str) -> bool:
    """Whether a requested change of `deal` has no final state yet."""
    return Submission.objects.open().filter(opportunity_id=deal).exists()


def pending(
    submissions: Sequence[Submission], person: Person, stages: Sequence[StageChoice], now: datetime
) -> list[PendingChange]:
    """The open changes, oldest first, and the newest refusal of the last day unless a later change was
    confirmed.
    """
    pending_rows = [row for row in submissions if row.state not in FINAL]
    newest = next((row for row in submissions if row.state in FINAL), None)
    if (
        newest
        and newest.state == State.REJECTED
        and newest.settled_at
        and now - newest.settled_at < REFUSED_FOR
    ):
        pending_rows.append(newest)
    current_outlook = outlook(now) if any(row.state not in FINAL for row in pending_rows) else Outlook()
    pending_rows.sort(key=lambda row: row.created_at)
    return [
        _waiting(row, person, stages, when(row, current_outlook, now), reason_now(row, current_outlook))
        for row in pending_rows
    ]


def _waiting(
    row: Submission, person: Person, stages: Sequence[StageChoice], at: str, reason: str
) -> PendingChange:
    state_words = submissions_words.state_words(row.kind, row.state, reason)
    oversees = opens_all_submissions(person)
    sentence = state_words.sentence.format(at=at, name=row.name, where="", book=row.labels.get("book", ""))
    if row.state == State.REJECTED and row.reason_code == "rejected":
        message = submissions_words.reasons_of(row.reason_text, row.field_errors)
        if message:
            sentence = submissions_words.CHANGE_REFUSED_BECAUSE.format(message=message)
    return PendingChange(
        id=str(row.pk),
        kind=row.kind,
        state=row.state,
        by=row.by_display,
        change=asked_for(row, stages),
        words=state_words,
        sentence=sentence,
        reachable=oversees or row.person_id == person.pk,
    )


def asked_for(row: Submission, stages: Sequence[StageChoice] = ()) -> str:
    """The change that a submission requests, in a few words: `Move to Qualified`, `Change value to
    $700,000`.
    """
    if row.kind == "create":
        return words.PENDING["create"]
    fields = sent_fields(row)
    stage_id = fields.get("pipeline_stage_id")
    if row.kind == "move" and stage_id:
        stage = next((stage.name for stage in stages if stage.id == stage_id), "")
        return words.PENDING["move"].format(stage=row.labels.get("stage") or stage or words.UNKNOWN_STAGE)
    labels = {"assigned_to_id": "owner", "household_id": "household", "pipeline_stage_id": "stage"}
    parts = []
    for name, value in fields.items():
        label = label_of(name).lower()
        text = row.labels.get(labels.get(name, ""), "") or show_value(name, value) or "nothing"
        parts.append(f"{label} to {text}")
    return words.PENDING["edit"].format(what=formats.and_list(parts)) if parts else ""
