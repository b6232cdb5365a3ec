"""Events as the chain hashes them, read page by page without building models."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from opportunities.models import AuditEvent
from opportunities.trail.verifier import parse

ROWS_AT_ONCE = 1000
COLUMNS = sorted(AuditEvent.chained_columns())
_TIMES = ("occurred_at", "recorded_at")
_DOCUMENTS = ("before", "after", "actor_roles")
# What reading a value may raise that something other than the application wrote.
UNREADABLE = (ValueError, TypeError, AttributeError, DatabaseError)


def plain_rows(after: int, condition: Q | None = None) -> list[dict[str, Any]]:
    """The next events after number `after` as JSON values by field name, `hash` included.

    No models are built: for a million events they would take most of a minute.
    """
    rows = AuditEvent.objects.filter(condition or Q(), seq__gt=after).order_by("seq")
    try:
        return _fetch_rows(rows[:ROWS_AT_ONCE])
    except EmptyResultSet:
        # No row can meet the condition, so Django writes no query.
        return []
    except UNREADABLE:
        return [_plain_or_not(seq) for seq in rows.values_list("seq", flat=True)[:ROWS_AT_ONCE]]


def _fetch_rows(rows: QuerySet[AuditEvent]) -> list[dict[str, Any]]:
    # Times as the database's text: converting to datetime and back would take a fifth of the time.
    texts = {f"{name}_text": Cast(name, TextField()) for name in _TIMES}
    columns = [f"{name}_text" if name in _TIMES else name for name in COLUMNS]
    sql, params = rows.annotate(**texts).values_list(*columns).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [_event_of(row) for row in cursor.fetchall()]


def _plain_or_not(seq: int) -> dict[str, Any]:
    """One event of a page that could not be read whole. An unreadable event gets a hash that never
    matches.
    """
    try:
        return _fetch_rows(AuditEvent.objects.filter(pk=seq))[0]
    except (*UNREADABLE, IndexError):
        return {"seq": seq, "hash": "unreadable"}


def _event_of(row: Iterable[Any]) -> dict[str, Any]:
    """The event in a row of the driver. The driver returns JSON, and SQLite also ids, as text."""
    event = dict(zip(COLUMNS, row, strict=True))
    id = event["event_id"]
    event["event_id"] = (
        f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}" if isinstance(id, str) else str(id)
    )
    for name in _TIMES:
        event[name] = _moment(event[name])
    for name in _DOCUMENTS:
        event[name] = _document(event[name])
    return event


def _moment(text: str) -> str:
    """`2026-11-23 10:41:02.5`, with or without `+00`, as the chain hashes it. Both databases keep UTC."""
    whole, _, part = text.removesuffix("+00").partition(".")
    if len(whole) != 19 or whole[10] != " ":
        raise ValueError("no moment as the application writes it")
    return f"{whole[:10]}T{whole[11:]}.{part:0<6}Z"


@lru_cache(maxsize=1024)
def _document(text: str) -> Any:
    """A JSON document, cached because most repeat. Callers must not change it.

    SQLite keeps the text as it was written. If a key stood twice, another reader could take the other value.
    """
    return parse(text)
