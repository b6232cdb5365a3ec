"""The page of one deal, for one person.

Read only from the mirror and its history. For a person who may not see the deal's book the result and the
queries are those of an unknown deal.
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from django.conf import settings
from django.db.models import Exists, OuterRef, Subquery
from django.http import Http404

from opportunities.access import visible_books, writable_books
from opportunities.mirror.definitions import DEFINITIONS
from opportunities.models import (
    LostReason,
    Meaning,
    Opportunity,
    OpportunityVersion,
    Person,
    State,
    Submission,
    SyncState,
    UnreadableRecord,
)
from opportunities.models.unreadable import DEALS
from opportunities.selectors.custom_fields import describe_fields, editable
from opportunities.selectors.households import household_text
from opportunities.selectors.opportunity.changes import Names, changes_of
from opportunities.selectors.opportunity.fields import (
    age,
    facts,
    household_with_kind,
    origins,
    why_read_only,
)
from opportunities.selectors.opportunity.parts import DealFact, DealPage
from opportunities.selectors.opportunity.pending import pending
from opportunities.selectors.opportunity.progress import pipeline_of, stage_times, steps
from opportunities.wording import deals as deal_words

CHANGES_SHOWN = 20
VERSIONS_READ = 500


def reachable(person: Person, id: str) -> Opportunity:
    """The deal with its book, household, `may_write` and definitions of custom fields. One query.

    `household_text` is the text for its household, for `person`.

    Pipeline and stage are not joined: they may not be mirrored yet, and the deal must still be found.
    """
    writable = writable_books(person).filter(pk=OuterRef("book_id"))
    rows = Opportunity.objects.filter(pk=id, book__in=visible_books(person))
    held = SyncState.objects.filter(pk=DEFINITIONS).values("cursor")
    rows = rows.annotate(
        may_write=Exists(writable), definitions=Subquery(held), household_text=household_text(person)
    )
    row = rows.select_related("book", "household").first()
    if row is None:
        raise Http404
    return row


def deal_page(person: Person, row: Opportunity, now: datetime) -> DealPage:
    """The page of a deal from `reachable`. Makes at most six queries for most deals, for a history of any
    length.
    """
    pipeline = pipeline_of(row)
    stages = pipeline.stages
    stage = next(stage for stage in stages if stage.id == row.stage_id)
    history = list(
        OpportunityVersion.objects.filter(opportunity_id=row.pk).order_by("-valid_from")[:VERSIONS_READ]
    )
    history.reverse()
    submissions = list(Submission.objects.filter(opportunity_id=row.pk).order_by("-created_at")[:50])
    changes = changes_of(history, Names(person, row, history, stages))
    household = household_with_kind(row)
    may_write = bool(getattr(row, "may_write", False)) and row.gone_at is None
    return DealPage(
        row=row,
        pipeline=pipeline,
        stage=stage,
        stages=stages,
        steps=steps(stage, stages),
        facts=facts(row, stage, now),
        custom_editable=bool(editable(row)),
        custom=[
            DealFact(label, text or "Empty", tone="" if text else "muted")
            for label, text in describe_fields(row)
        ],
        household=household,
        origins=origins(row, household, pipeline.name),
        stage_times=stage_times(row, history, stages, now),
        age=age(row, now),
        changes=changes[:CHANGES_SHOWN],
        more_changes=max(0, len(changes) - CHANGES_SHOWN),
        pending=pending(submissions, person, stages, now),
        lost=why_lost(submissions, history) if stage.meaning == Meaning.LOST else None,
        may_write=may_write,
        why_read_only="" if may_write else why_read_only(row),
        slant_url=slant_url(row.pk),
        unreadable=unreadable_fields(person, row),
        submissions=submissions,
    )


def unreadable_fields(person: Person, row: Opportunity) -> list[DealFact]:
    """The fields of the deal that we cannot read; with their raw forms only for managers."""
    if not row.unreadable:
        return []
    raw_fields = UnreadableRecord.objects.filter(resource=DEALS, key=row.pk).values_list("fields", flat=True)
    raw: dict[str, str] = next(iter(raw_fields), {}) if person.is_manager else {}
    return [DealFact(deal_words.place(name), raw.get(name, "")) for name in row.unreadable.split(",")]


def why_lost(submissions: Sequence[Submission], history: Sequence[OpportunityVersion]) -> LostReason | None:
    """The reason given with the move that lost the deal, if that move was confirmed and none followed it."""
    arrived = {
        submission.pk: submission.settled_at
        for submission in submissions
        if submission.state == State.CONFIRMED and submission.settled_at
    }
    reason = LostReason.objects.filter(submission_id__in=arrived).first()
    if reason is None or reason.submission_id is None:
        return None
    since = arrived[reason.submission_id]
    moved = any(version.valid_from > since and version.stage_id != reason.stage_id for version in history)
    return None if moved else reason


def slant_url(id: str) -> str:
    """The address of the deal in Slant; empty unless SLANT_APP_URL names the address of Slant's pages."""
    return f"{settings.SLANT_APP_URL}/opportunities/{quote(id, safe='')}" if settings.SLANT_APP_URL else ""
