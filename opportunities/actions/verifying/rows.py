"""Events as the chain hashes them, read page by page without building models."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Q, QuerySet

from opportunities.actions import audit
from opportunities.models import AuditEvent

ROWS_AT_ONCE = 1000
COLUMNS = sorted(column.attname for column in AuditEvent._meta.concrete_fields)
_TIMES = ("occurred_at", "recorded_at")
_DOCUMENTS = ("before", "after", "actor_roles")
_EMPTY: dict[str, Callable[[], Any]] = {"{}": dict, "[]": list}
# What a value raises that somebody put there by other means than the application's.
UNREADABLE = (ValueError, TypeError, AttributeError, DatabaseError)


def plain_rows(after: int, condition: Q | None = None) -> list[dict[str, Any]]:
    """The next events after number `after`, as plain JSON values under the names of their fields, `hash` included.

    Read without building models, which a million of them would spend most of a minute on.
    """
    rows = AuditEvent.objects.filter(condition or Q(), seq__gt=after).order_by("seq")
    try:
        return _read(rows[:ROWS_AT_ONCE])
    except UNREADABLE:
        return [_plain_or_not(seq) for seq in rows.values_list("seq", flat=True)[:ROWS_AT_ONCE]]


def _read(rows: QuerySet[AuditEvent]) -> list[dict[str, Any]]:
    sql, params = rows.values_list(*COLUMNS).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [_plain(row) for row in cursor.fetchall()]


def _plain_or_not(seq: int) -> dict[str, Any]:
    """One of a page in which something cannot be read: what cannot is an event that fits no hash."""
    try:
        return _read(AuditEvent.objects.filter(pk=seq))[0]
    except (*UNREADABLE, IndexError):
        return {"seq": seq, "hash": "unreadable"}


def _plain(row: Iterable[Any]) -> dict[str, Any]:
    """A row as the drivers give it: documents as text, and SQLite's ids as text too."""
    event = dict(zip(COLUMNS, row, strict=True))
    id = event["event_id"]
    event["event_id"] = (
        f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}" if isinstance(id, str) else str(id)
    )
    for name in _TIMES:
        # isoformat is far quicker than strftime. SQLite's driver gives UTC without saying so.
        text = event[name].isoformat(timespec="microseconds")
        if text.endswith("+00:00"):
            event[name] = f"{text[:-6]}Z"
        else:
            event[name] = f"{text}Z" if len(text) == 26 else audit.plain_time(event[name])
    for name in _DOCUMENTS:
        text = event[name]
        event[name] = _EMPTY[text]() if text in _EMPTY else json.loads(text)
    return event
