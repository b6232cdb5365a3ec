"""The rows of several windows of deals in one statement, and the cursors that lead from one window to the next."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.expressions import RawSQL

from opportunities.access import writable_books
from opportunities.models import Opportunity, Person
from opportunities.selectors.selection import IN_STAGE_SINCE

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Row(NamedTuple):
    id: str
    name: str
    stage_id: str
    value: int | None
    probability: int | None
    target_close_date: date | None
    since: datetime
    household: str | None
    book: str
    owner: str | None
    may_write: bool


def rows_of(person: Person, windows: Iterable[QuerySet[Opportunity]]) -> list[Row]:
    """The rows of several windows in one statement."""
    chosen = _ids_of(windows)
    if chosen is None:
        return []
    may_write = ExpressionWrapper(Q(book__in=writable_books(person)), output_field=BooleanField())
    found = (
        Opportunity.objects.filter(pk__in=chosen)
        .annotate(since=IN_STAGE_SINCE, may_write=may_write)
        .values_list(
            "pk", "name", "stage_id", "value", "probability", "target_close_date", "since",
            "household__name", "book__name", "assigned_to_name", "may_write",
        )
    )  # fmt: skip
    return sorted((Row(*row) for row in found), key=lambda row: (row.since, row.id), reverse=True)


def _ids_of(windows: Iterable[QuerySet[Opportunity]]) -> RawSQL | None:
    """The ids of all windows as one subquery: Django cannot limit the parts of a union on SQLite by itself."""
    parts: list[str] = []
    params: list[Any] = []
    for number, window in enumerate(windows):
        try:
            sql, its = window.values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT * FROM ({sql}) AS w{number}")  # noqa: S608 - compiled by Django, values apart
        params.extend(its)
    return RawSQL(" UNION ALL ".join(parts), params) if parts else None  # noqa: S611 - the same


def cursor(row: Row) -> str:
    """Where the next window goes on: since when, in microseconds, and the id."""
    return f"{(row.since - EPOCH) // MICROSECOND}~{row.id}"


def _read(after: str) -> tuple[datetime, str] | None:
    """None for anything this module did not write."""
    number, _, id = after.partition("~")
    if not (id and number.isascii() and number.isdigit() and len(number) < 18):
        return None
    return EPOCH + int(number) * MICROSECOND, id


def before(after: str) -> Q | None:
    read = _read(after)
    if read is None:
        return None
    since, id = read
    return Q(since__lte=since) & (Q(since__lt=since) | Q(pk__lt=id))


def is_below(row: Row, after: str) -> bool:
    read = _read(after)
    return read is None or (row.since, row.id) < read
