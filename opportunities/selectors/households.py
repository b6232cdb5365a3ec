"""The text for a deal's household on pages, for one person: its name if they may see it, else the reason.

A household may be deleted in Slant, or leave the person's books, while deals still name it.
"""

from collections.abc import Iterable

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Concat

from opportunities.access import visible_books, visible_households
from opportunities.models import Person
from opportunities.wording import deals as words


def household_text(person: Person) -> Case:
    """An expression for queries of deals that yields the text. Empty for a deal without a household."""
    return Case(
        When(household=None, then=Value("")),
        When(
            household__gone_at=None,
            household__book__in=visible_books(person),
            then=F("household__name"),
        ),
        When(
            household__book__in=visible_books(person),
            then=Concat(F("household__name"), Value(words.HOUSEHOLD_GONE)),
        ),
        default=Value(words.HOUSEHOLD_ELSEWHERE),
        output_field=CharField(),
    )


def household_texts(person: Person, ids: Iterable[str | None]) -> dict[str, str]:
    """The same texts by household id, for a history, which holds ids. Makes one query."""
    household_ids = {id for id in ids if id}
    if not household_ids:
        return {}
    rows = visible_households(person).filter(pk__in=household_ids)
    texts = dict.fromkeys(household_ids, words.HOUSEHOLD_ELSEWHERE)
    return texts | {row.pk: row.name + (words.HOUSEHOLD_GONE if row.gone_at else "") for row in rows}


def is_lost(person: Person) -> Q:
    """A condition for deals whose household is no longer in Slant, or in none of the books `person` sees."""
    visible = visible_households(person).filter(pk=OuterRef("household_id"), gone_at=None)
    return Q(household__isnull=False) & ~Q(Exists(visible))


def may_be_named(person: Person) -> Q:
    """A condition for deals whose household's name `person` may know, so that a search by name finds them."""
    return Q(household__book__in=visible_books(person))
