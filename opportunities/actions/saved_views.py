"""Saved views: the last state of a person's board, and the selections they named. Only that person sees
them.
"""

from uuid import UUID

from opportunities.models import Person, SavedView

VIEW_LIMIT = 50


class TooManyViews(Exception):
    """The person has VIEW_LIMIT views already."""


def remember(*, person: Person, query: str) -> None:
    """Remember the board's present query, with which it opens next time."""
    if person.board_query != query and len(query) <= 1000:
        Person.objects.filter(pk=person.pk).update(board_query=query)
        person.board_query = query


def save(*, person: Person, name: str, query: str) -> SavedView:
    """Save `query` under `name`, and replace a view of that name. Raises `TooManyViews`."""
    other_views = SavedView.objects.filter(person=person).exclude(name=name)
    if other_views.count() >= VIEW_LIMIT:
        raise TooManyViews
    return SavedView.objects.update_or_create(person=person, name=name, defaults={"query": query})[0]


def delete(*, person: Person, id: UUID) -> str:
    """The name of the view deleted, empty if there was none of theirs."""
    row = SavedView.objects.filter(person=person, pk=id).first()
    if row is None:
        return ""
    row.delete()
    return row.name
