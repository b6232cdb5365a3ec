"""Changes as lines that people read."""

from collections.abc import Sequence

from opportunities.reports.rows import DealLine
from opportunities.selectors.households import household_texts

from .history import DealChange
from .query import ReportQuery

MOST_LISTED = 200


def change_lines(query: ReportQuery, effects: Sequence[tuple[DealChange, str, int]]) -> list[DealLine]:
    """Changes, each with what happened and its effect, with the names of people and books. One query."""
    names = household_texts(query.scope.person, (change.household for change, _, _ in effects))
    return [
        DealLine(
            id=change.id,
            name=change.name,
            household=names.get(change.household, ""),
            owner=change.owner,
            owner_name=query.scope.members.get(change.owner, ""),
            book=change.book,
            book_name=query.scope.books.get(change.book, ""),
            stage=query.stage_name(change.stage),
            effect=effect,
            what=description,
            at=change.at,
        )
        for change, description, effect in effects
    ]
