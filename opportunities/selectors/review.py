"""The review queue: what the worker could not decide, with what we sent beside what was found in Slant."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from opportunities import dates
from opportunities.access import visible_books
from opportunities.actions.reviewing import candidate_ids, has_usable_id
from opportunities.deal_fields import CUSTOM_PREFIX, REVIEWED, label_of
from opportunities.delivery.kinds import sent_fields
from opportunities.models import Household, Member, Opportunity, Person, Pipeline, Stage, State, Submission
from opportunities.wording import formats
from opportunities.wording import review as review_words
from opportunities.wording import submissions as submissions_words
from opportunities.wording.fields import show_value

# The words for a value, from the name of its field and the value.
ShowValue = Callable[[str, Any], str]


@dataclass(frozen=True)
class QueueLine:
    """One submission that waits for a manager."""

    row: Submission
    why: str


@dataclass(frozen=True)
class ComparedField:
    """A field of a candidate beside ours. `same` None: we did not send it, so there is nothing to compare."""

    label: str
    text: str
    same: bool | None = None


@dataclass(frozen=True)
class FoundRecord:
    id: str
    cells: list[ComparedField]
    created_words: str

    @property
    def can_be_linked(self) -> bool:
        """A record without a usable id cannot be chosen."""
        return has_usable_id(self.id)


@dataclass(frozen=True)
class Comparison:
    """Ours on the left, each candidate on the right; `scanned` says what was read to find them."""

    row: Submission
    words: review_words.ReviewQuestion
    our_fields: list[ComparedField]
    sent_at: datetime | None
    candidates: list[FoundRecord]
    scanned: str

    @property
    def linkable(self) -> list[FoundRecord]:
        return [candidate for candidate in self.candidates if candidate.can_be_linked]


def queue(person: Person) -> list[QueueLine]:
    """Everything in review in the books `person` sees, the longest waiting first."""
    rows = Submission.objects.filter(state=State.REVIEW, book_id__in=visible_books(person).values("pk"))
    return [
        QueueLine(row, submissions_words.state_words(row.kind, State.REVIEW, row.reason_code).sentence)
        for row in rows.order_by("unknown_since", "created_at")[:200]
    ]


def compare(row: Submission) -> Comparison:
    """What we sent and what was found, field by field. A fixed number of queries, however many candidates."""
    our_fields = sent_fields(row)
    names = [*REVIEWED, *(name for name in our_fields if name.startswith(CUSTOM_PREFIX))]
    records = _found_records(row)
    show = _value_words([our_fields, *(record["fields"] for record in records)])
    question = review_words.review_question(row.kind)
    return Comparison(
        row=row,
        words=question,
        our_fields=[
            ComparedField(label_of(name), show(name, our_fields.get(name)) or "not sent") for name in names
        ],
        sent_at=row.last_sent_at,
        candidates=[
            FoundRecord(
                id=record["id"],
                cells=[_compare_field(name, record["fields"].get(name), our_fields, show) for name in names],
                created_words=_creation_words(record.get("created_at", ""), row.last_sent_at),
            )
            for record in records
        ],
        scanned=_scan_words(row.check_state.get("scan")) or question.not_looked,
    )


def _compare_field(name: str, value: Any, our_fields: dict[str, Any], show: ShowValue) -> ComparedField:
    same = value == our_fields[name] if our_fields.get(name) is not None else None
    return ComparedField(label_of(name), show(name, value) or "empty", same)


def _found_records(row: Submission) -> list[dict[str, Any]]:
    """What the scan kept of each candidate; of others, what Slant answered, else what the mirror has."""
    scanned = [record for record in row.check_state.get("candidates", []) if record.get("fields")]
    scanned_ids = {record["id"] for record in scanned}
    answers = {attempt.record_id: attempt.answer for attempt in row.attempts.exclude(record_id="")}
    unscanned_ids = [record_id for record_id in candidate_ids(row) if record_id not in scanned_ids]
    mirrored = Opportunity.objects.in_bulk(
        [record_id for record_id in unscanned_ids if not answers.get(record_id)]
    )
    return scanned + [
        {
            "id": record_id,
            "fields": answers.get(record_id) or _mirrored_fields(mirrored.get(record_id)),
            "created_at": "",
        }
        for record_id in unscanned_ids
    ]


def _mirrored_fields(deal: Opportunity | None) -> dict[str, Any]:
    if deal is None:
        return {}
    return {"name": deal.name, "household_id": deal.household_id, "value": deal.value}


def _value_words(rows: list[dict[str, Any]]) -> ShowValue:
    """A function from a field's name and value to words. Each table is read once."""
    ids = {
        name: {row[name] for row in rows if isinstance(row.get(name), str)} - {""}
        for name in REVIEWED
        if name.endswith("_id")
    }
    members = Member.objects.filter(user_id__in=ids["assigned_to_id"])
    names: dict[str, dict[str, str]] = {
        "household_id": _names_by_id(Household.objects.filter(pk__in=ids["household_id"])),
        "pipeline_id": _names_by_id(Pipeline.objects.filter(pk__in=ids["pipeline_id"])),
        "pipeline_stage_id": _names_by_id(Stage.objects.filter(pk__in=ids["pipeline_stage_id"])),
        "assigned_to_id": {member.user_id: member.name for member in members},
    }

    def show(name: str, value: Any) -> str:
        known_name = names.get(name, {}).get(value) if isinstance(value, str) else ""
        return known_name or show_value(name, value)

    return show


def _names_by_id(rows: QuerySet[Any]) -> dict[str, str]:
    return dict(rows.values_list("pk", "name"))


def _creation_words(created_at: str, sent_at: datetime | None) -> str:
    if not created_at:
        return "Slant does not say"
    created = datetime.fromisoformat(created_at)
    if sent_at is None:
        return formats.moment(created, created)
    after = (created - sent_at).total_seconds()
    apart = f"{abs(after):.0f} s {'after' if after >= 0 else 'before'} we sent"
    return f"{_utc(created)}, {apart}" if abs(after) < 3600 else formats.moment(created, created)


def _utc(moment: datetime) -> str:
    return f"{dates.time_with_seconds(moment)} UTC"


def _scan_words(scan: dict[str, Any] | None) -> str:
    if not scan:
        return ""
    if scan.get("of") == "deal":
        return f"Looked at {_utc(datetime.fromisoformat(scan['began_at']))}, in the deal itself."
    whole = "read completely" if scan.get("complete") else "not read completely: it changed in the meantime"
    began = datetime.fromisoformat(scan["began_at"])
    return f"Looked at {_utc(began)}: {scan.get('count_last') or 0} deals in the list, {whole}."
