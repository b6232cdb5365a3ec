"""Changes as lines that people read."""

from collections.abc import Sequence

from opportunities.models import Household
from opportunities.reports.rows import Line

from . import history
from .report import Report

BEHIND = 200


def lines_of(report: Report, found: Sequence[tuple[history.Change, str, int]]) -> list[Line]:
    """Changes with the names of people, books and households. One query."""
    households = Household.objects.filter(
        pk__in={change.household for change, _, _ in found if change.household}
    )
    names = dict(households.values_list("pk", "name")) if found else {}
    return [
        Line(
            id=change.id,
            name=change.name,
            household=names.get(change.household, ""),
            owner=change.owner,
            owner_name=report.on.members.get(change.owner, ""),
            book=change.book,
            book_name=report.on.books.get(change.book, ""),
            stage=report.stage_name(change.stage),
            effect=effect,
            what=what,
            at=change.at,
        )
        for change, what, effect in found
    ]
