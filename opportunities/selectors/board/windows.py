"""The rows of several windows of deals in one statement, and the cursors between windows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.expressions import RawSQL

from opportunities.access import writable_books
from opportunities.models import Opportunity, Person
from opportunities.selectors.households import household_text
from opportunities.selectors.selection import IN_STAGE_SINCE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ANY_STAGE = "\0"  # no id contains it, and no form accepts it


class CardRow(NamedTuple):
    id: str
    name: str
    stage_id: str
    value: int | None
    probability: int | None
    target_close_date: date | None
    since: datetime
    household: str
    book: str
    owner: str | None
    may_write: bool
    unreadable: str


class Ids(NamedTuple):
    """A statement that finds the ids of deals, with its values."""

    sql: str
    values: list[Any]


def ids_of(rows: QuerySet[Opportunity]) -> Ids | None:
    """The statement of `rows`; None if Django knows without a query that there are none."""
    try:
        sql, values = rows.values("pk").query.sql_with_params()
    except EmptyResultSet:
        return None
    return Ids(sql, list(values))


def first_of_each(ordered: QuerySet[Opportunity], counts: Mapping[str, int]) -> list[Ids]:
    """The first deals of each stage, as many as `counts` says.

    The statement is composed once and repeated with each stage's id.
    """
    ids_query = ids_of(ordered.filter(stage_id=ANY_STAGE)) if counts else None
    if ids_query is None:
        return []
    return [
        Ids(
            f"{ids_query.sql} LIMIT {count:d}",
            [id if value == ANY_STAGE else value for value in ids_query.values],
        )
        for id, count in counts.items()
    ]


def rows_of(person: Person, chosen: Sequence[Ids]) -> list[CardRow]:
    """The rows of several windows in one statement.

    Django cannot limit the parts of a union on SQLite by itself.
    """
    if not chosen:
        return []
    parts = [f"SELECT * FROM ({window.sql}) AS w{number}" for number, window in enumerate(chosen)]  # noqa: S608 - by Django
    values = [value for window in chosen for value in window.values]
    may_write = ExpressionWrapper(Q(book__in=writable_books(person)), output_field=BooleanField())
    records = (
        Opportunity.objects.filter(pk__in=RawSQL(" UNION ALL ".join(parts), values))  # noqa: S611 - the same
        .annotate(since=IN_STAGE_SINCE, may_write=may_write, household_text=household_text(person))
        .values_list(
            "pk", "name", "stage_id", "value", "probability", "target_close_date", "since",
            "household_text", "book__name", "assigned_to_name", "may_write",
            "unreadable",
        )
    )  # fmt: skip
    return sorted((CardRow(*row) for row in records), key=lambda row: (row.since, row.id), reverse=True)


def cursor(row: CardRow) -> str:
    """The cursor of the next window: the time in microseconds, and the id."""
    return f"{(row.since - EPOCH) // MICROSECOND}~{row.id}"


def _parse_cursor(after: str) -> tuple[datetime, str] | None:
    """The time and the id in a cursor; None for a text that this module did not write."""
    number, _, id = after.partition("~")
    if not (id and number.isascii() and number.isdigit() and len(number) < 18):
        return None
    return EPOCH + int(number) * MICROSECOND, id


def below_cursor(after: str) -> Q | None:
    position = _parse_cursor(after)
    if position is None:
        return None
    since, id = position
    return Q(since__lte=since) & (Q(since__lt=since) | Q(pk__lt=id))


def is_below(row: CardRow, after: str) -> bool:
    position = _parse_cursor(after)
    return position is None or (row.since, row.id) < position
