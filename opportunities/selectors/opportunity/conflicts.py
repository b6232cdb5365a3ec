"""The conflicts of a change: fields that somebody else changed meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opportunities.actions.submissions import expected_fields
from opportunities.deal_fields import Fields, from_body, label_of
from opportunities.delivery.kinds import DealChanges, sent_fields
from opportunities.models import Household, Member, Opportunity, OpportunityVersion, Submission
from opportunities.wording import deals as words
from opportunities.wording import formats
from opportunities.wording.fields import show_value

# Fields that hold an id, with the words for an empty one.
NAMED = {"assigned_to_id": "Nobody", "household_id": "None"}


@dataclass(frozen=True)
class ConflictField:
    """One field of a conflict, as words: what the person saw, what is there now, what they want."""

    label: str
    seen_value: str
    now_value: str
    requested_value: str


@dataclass(frozen=True)
class Conflict:
    """Fields somebody else changed meanwhile. `title` says who, `unanswered` asks what to do."""

    fields: list[ConflictField]
    title: str
    unanswered: str


def refused_conflict(row: Opportunity, changes: DealChanges, submission: Submission) -> Conflict:
    """The conflict Slant refused `submission` for, from the deal as it is now."""
    row.refresh_from_db()
    current = expected_fields(row)
    disputed = {name: current[name] for name in submission.field_errors if name in changes.new_values}
    return conflicts(row, changes, disputed)


def conflicts(row: Opportunity, changes: DealChanges, current: Fields) -> Conflict:
    """The present values (`current`) with the seen and the wanted ones, for a person who may see the deal.

    The seen values come from the form, so no name of another book is looked up for them.
    """
    seen_fields, requested_fields = from_body(changes.seen_values), from_body(changes.new_values)
    names = _known_names(row, (seen_fields, requested_fields, current))
    fields = [
        ConflictField(
            label_of(name),
            _in_words(name, seen_fields[name], names),
            _in_words(name, now, names),
            _in_words(name, requested_fields[name], names),
        )
        for name, now in current.items()
    ]
    labels = formats.and_list([field.label.lower() for field in fields])
    return Conflict(
        fields, _who_changed(row, current, labels), words.CONFLICT_UNANSWERED.format(fields=labels)
    )


def _known_names(row: Opportunity, versions: Sequence[Fields]) -> dict[str, str]:
    """Names of the owners and households in the fields, of the deal's own book. Makes two queries."""
    values = [fields.get(name) for fields in versions for name in NAMED]
    ids = {str(value) for value in values if value}
    members = Member.objects.filter(user_id__in=ids, book=row.book_id)
    households = Household.objects.filter(pk__in=ids, book=row.book_id)
    return {
        row.assigned_to_id: row.assigned_to_name,
        **{member.user_id: member.name for member in members},
        **dict(households.values_list("pk", "name")),
    }


def _in_words(name: str, value: Any, names: Mapping[str, str]) -> str:
    if name not in NAMED:
        return show_value(name, value) or "Empty"
    return names.get(value) or (words.UNKNOWN if value else NAMED[name])


def _who_changed(row: Opportunity, current: Fields, labels: str) -> str:
    waiting = Submission.objects.open().filter(opportunity_id=row.pk).order_by("-created_at").first()
    if waiting and set(current) & set(sent_fields(waiting)):
        return words.CONFLICT_WAITING.format(by=waiting.by_display, fields=labels)
    newest = OpportunityVersion.objects.filter(opportunity_id=row.pk, valid_to=None)
    by = newest.values_list("by", flat=True).first()
    if by:
        return words.CONFLICT_BY.format(by=by, fields=labels)
    return words.CONFLICT_BY_NOBODY.format(fields=labels)
