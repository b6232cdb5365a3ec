"""What changed in a deal, from the history of the mirror, as sentences."""

from collections.abc import Sequence
from itertools import pairwise

from django.db.models import Value

from opportunities.access import visible_households
from opportunities.deal_fields import DEAL_FIELDS, ValueType
from opportunities.models import Member, Opportunity, OpportunityVersion, Person
from opportunities.offer import StageChoice
from opportunities.selectors.opportunity.parts import Change
from opportunities.wording import deals as words
from opportunities.wording import formats
from opportunities.wording.fields import show_value

# Fields whose change reads "set the value to ...".
MEASURED = [
    field for field in DEAL_FIELDS if field.type in (ValueType.DOLLARS, ValueType.PERCENT, ValueType.DAY)
]


class Names:
    """Words for the ids in a history. Queries the database only for those not known already."""

    def __init__(
        self,
        person: Person,
        row: Opportunity,
        history: Sequence[OpportunityVersion],
        stages: Sequence[StageChoice],
    ) -> None:
        self._person = person
        self.stages = {stage.id: stage.name for stage in stages}
        self.owners = {row.assigned_to_id: row.assigned_to_name} if row.assigned_to_name else {}
        # The selector adds the text, in words that say no more than the person may know.
        text: str = row.household_text  # type: ignore[attr-defined]
        self.households = {row.household_id: text} if row.household_id else {}
        self._look_up(
            {version.assigned_to_id for version in history} - {"", *self.owners},
            {version.household_id for version in history} - {"", *self.households},
        )

    def _look_up(self, owners: set[str], households: set[str]) -> None:
        """Look up people and households in one statement."""
        if not owners and not households:
            return
        people = Member.objects.filter(user_id__in=owners).order_by()
        houses = visible_households(self._person).filter(pk__in=households).order_by()
        name_rows = people.values_list("user_id", "first_name", "last_name", Value(1)).union(
            houses.values_list("pk", "name", Value(""), Value(0)), all=True
        )
        for id, first, last, is_person in name_rows:
            if is_person:
                self.owners[id] = Member(first_name=first, last_name=last).name
            else:
                self.households[id] = first

    def stage(self, id: str) -> str:
        return self.stages.get(id, words.UNKNOWN_STAGE.lower())

    def owner(self, id: str) -> str:
        return self.owners.get(id, words.FORMER_OWNER.lower()) if id else "nobody"

    def household(self, id: str) -> str:
        return self.households.get(id, words.HOUSEHOLD_ELSEWHERE.lower()) if id else "no household"


def changes_of(history: Sequence[OpportunityVersion], names: Names) -> list[Change]:
    """The changes, newest first. The person is known only for changes requested here; sync saw the others."""
    if not history:
        return []
    changes = [_first(history[0])]
    for before, after in pairwise(history):
        text = _difference(before, after, names)
        if text:
            changes.append(_observed_change(after, text))
    return changes[::-1]


def _first(version: OpportunityVersion) -> Change:
    if version.by:
        value = "" if version.value is None else f" with {formats.money(version.value)}"
        return Change(version.by, words.CREATED.format(with_value=value), version.valid_from)
    return Change("", words.FIRST_SEEN, version.valid_from)


def _observed_change(version: OpportunityVersion, text: str) -> Change:
    return Change(version.by, text if version.by else f"{text} {words.SEEN_BY_SYNC}", version.valid_from)


def _difference(before: OpportunityVersion, after: OpportunityVersion, names: Names) -> str:
    """The difference as one sentence without its subject; empty when no shown field differs."""
    if after.gone != before.gone:
        return words.GONE if after.gone else words.BACK
    parts = []
    if after.stage_id != before.stage_id:
        parts.append(f"moved it from {names.stage(before.stage_id)} to {names.stage(after.stage_id)}")
    if after.name != before.name:
        parts.append(f"renamed it from “{before.name}”")
    for field in MEASURED:
        was, is_now = getattr(before, field.column), getattr(after, field.column)
        if was != is_now:
            parts.append(
                _set(field.label.lower(), show_value(field.name, is_now), show_value(field.name, was))
            )
    if after.assigned_to_id != before.assigned_to_id:
        parts.append(
            f"reassigned it from {names.owner(before.assigned_to_id)} to {names.owner(after.assigned_to_id)}"
        )
    if after.household_id != before.household_id:
        parts.append(
            _set("household", names.household(after.household_id), names.household(before.household_id))
        )
    return f"{formats.and_list(parts)}." if parts else ""


def _set(label: str, is_now: str, was: str) -> str:
    if not is_now:
        return f"cleared the {label} (was {was})"
    return f"set the {label} to {is_now}" + (f" (was {was})" if was else "")
