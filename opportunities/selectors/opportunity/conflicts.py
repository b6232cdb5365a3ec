"""What stands against a change: fields somebody else changed meanwhile."""

from dataclasses import dataclass
from typing import Any

from opportunities.deal_fields import Fields, from_body, label_of
from opportunities.delivery.kinds import DealChanges, sent_fields
from opportunities.models import Household, Member, Opportunity, OpportunityVersion, Submission
from opportunities.wording import deals as words
from opportunities.wording import formats
from opportunities.wording.fields import show_value


@dataclass(frozen=True)
class Disputed:
    """One field of a conflict, as words: what the person saw, what is there now, what they want."""

    label: str
    seen: str
    now: str
    wanted: str


@dataclass(frozen=True)
class Conflict:
    """Fields somebody else changed meanwhile. `told` says who, `unanswered` asks what to do."""

    fields: list[Disputed]
    told: str
    unanswered: str


def conflicts(row: Opportunity, changes: DealChanges, current: Fields) -> Conflict:
    """What is there now (`current`) beside what was seen and is wanted, for a person who may see the deal.

    What was seen is what the form says, so nobody of another book is named for it.
    """
    seen, wanted = from_body(changes.seen), from_body(changes.wanted)
    values = [
        fields.get(name) for fields in (seen, wanted, current) for name in ("assigned_to_id", "household_id")
    ]
    ids = {str(value) for value in values if value}
    names = {row.assigned_to_id: row.assigned_to_name}
    found = Member.objects.filter(user_id__in=ids, book=row.book_id)
    names |= {member.user_id: member.name for member in found}
    names |= dict(Household.objects.filter(pk__in=ids, book=row.book_id).values_list("pk", "name"))

    def text(name: str, value: Any) -> str:
        if name in ("assigned_to_id", "household_id"):
            return names.get(value) or (
                words.UNKNOWN if value else "Nobody" if name == "assigned_to_id" else "None"
            )
        return show_value(name, value) or "Empty"

    fields = [
        Disputed(label_of(name), text(name, seen[name]), text(name, now), text(name, wanted[name]))
        for name, now in current.items()
    ]
    labels = formats.and_list([each.label.lower() for each in fields])
    waiting = Submission.objects.open().filter(opportunity_id=row.pk).order_by("-created_at").first()
    if waiting and set(current) & set(sent_fields(waiting)):
        told = words.CONFLICT_WAITING.format(by=waiting.by_display, fields=labels)
    else:
        by = OpportunityVersion.objects.filter(opportunity_id=row.pk, valid_to=None).values_list(
            "by", flat=True
        )
        who = by.first() or ""
        told = (
            words.CONFLICT_BY.format(by=who, fields=labels)
            if who
            else words.CONFLICT_BY_NOBODY.format(fields=labels)
        )
    return Conflict(fields, told, words.CONFLICT_UNANSWERED.format(fields=labels))
