"""A deal's value, close date, owner, household and pipeline, in words."""

from datetime import date, datetime
from typing import Any

from django.utils import timezone

from opportunities.deal_fields import LABELS
from opportunities.models import Meaning, Member, Opportunity
from opportunities.offer import StageChoice
from opportunities.reports import measures
from opportunities.selectors.opportunity.parts import DealFact
from opportunities.wording import deals as words
from opportunities.wording import formats


def facts(row: Opportunity, stage: StageChoice, now: datetime) -> list[DealFact]:
    return [
        DealFact(LABELS["value"], *_or(row.value, formats.money, words.NO_VALUE)),
        _probability(row, stage),
        DealFact("Weighted", *_or(_weighted_value(row, stage), formats.money, words.NOT_WEIGHTED, "muted")),
        _close(row, stage, timezone.localdate(now)),
        DealFact(
            LABELS["assigned_to_id"],
            row.assigned_to_name or (words.FORMER_OWNER if row.assigned_to_id else words.NO_OWNER),
            person=row.assigned_to_name,
            tone="" if row.assigned_to_id else "warn",
        ),
        DealFact("In stage", formats.days(_days_in(row, now)), note=_since(row)),
    ]


def _or(value: Any, say: Any, nothing: str, tone: str = "warn") -> tuple[str, str, str]:
    """The text, remark and tone of a value that may be missing."""
    return (nothing, "", tone) if value is None else (say(value), "", "")


def _weighted_value(row: Opportunity, stage: StageChoice) -> int | None:
    """By the deal's own probability, else its stage's (Slant API 10.12)."""
    percent = row.probability if row.probability is not None else stage.probability
    return measures.weighted(row.value, percent, stage.meaning)


def _probability(row: Opportunity, stage: StageChoice) -> DealFact:
    label = LABELS["probability"]
    if row.probability is not None:
        default = stage.probability
        note = words.BY_HAND_NO_DEFAULT if default is None else words.BY_HAND.format(percent=default)
        return DealFact(label, f"{row.probability}%", words.BY_STAGE if default == row.probability else note)
    if stage.probability is not None:
        return DealFact(label, f"{stage.probability}%", words.BY_STAGE)
    return DealFact(label, words.NO_PROBABILITY, tone="warn")


def _close(row: Opportunity, stage: StageChoice, today: date) -> DealFact:
    label, day = LABELS["target_close_date"], row.target_close_date
    if day is None:
        return DealFact(label, words.NO_DATE, tone="warn" if stage.meaning == Meaning.OPEN else "muted")
    ahead = (day - today).days
    note = (
        "today" if ahead == 0 else f"in {formats.days(ahead)}" if ahead > 0 else f"{formats.days(-ahead)} ago"
    )
    late = ahead < 0 and stage.meaning == Meaning.OPEN
    return DealFact(label, formats.long_day(day), note, "bad" if late else "")


def _days_in(row: Opportunity, now: datetime) -> int:
    """Whole days, as the board counts them."""
    since = row.stage_updated_at or row.created_at or row.first_seen_at
    return max(0, (now - since).days)


def _since(row: Opportunity) -> str:
    since = row.stage_updated_at or row.created_at
    return f"since {formats.long_day(timezone.localdate(since))}" if since else ""


def household_with_kind(row: Opportunity) -> DealFact:
    """The household of a deal from `reachable`, with its kind. A deleted one, or one out of reach, is marked
    and has no kind.
    """
    text: str = row.household_text  # type: ignore[attr-defined]  # the selector adds it
    home = row.household
    if home is not None and text == home.name:
        return DealFact(LABELS["household_id"], f"{text} ({home.kind})" if home.kind else text)
    return DealFact(LABELS["household_id"], text or words.NO_HOUSEHOLD, tone="warn" if text else "")


def origins(row: Opportunity, household: DealFact, pipeline: str) -> list[DealFact]:
    """Where the deal belongs and where it comes from: facts that are never edited here."""
    facts = [
        household,
        DealFact(LABELS["book_id"], row.book.name),
        DealFact(LABELS["pipeline_id"], pipeline),
    ]
    if row.created_at:
        facts.append(DealFact("Created", formats.long_day(timezone.localdate(row.created_at))))
    if row.updated_at:
        facts.append(DealFact("Changed in Slant", formats.long_day(timezone.localdate(row.updated_at))))
    return [*facts, DealFact("Slant record", row.pk)]


def age(row: Opportunity, now: datetime) -> str:
    if row.created_at is None:
        return ""
    return f"{formats.days(max(0, (now - row.created_at).days))} since it was created"


def why_read_only(row: Opportunity) -> str:
    if row.gone_at is not None:
        return words.GONE_FROM_SLANT
    if not row.book.token_may_write:
        return words.READ_ONLY_TOKEN
    principal = Member.objects.filter(book=row.book_id, role="principal").first()
    return words.READ_ONLY_PERSON + (
        words.READ_ONLY_PRINCIPAL.format(principal=principal.name) if principal else ""
    )
