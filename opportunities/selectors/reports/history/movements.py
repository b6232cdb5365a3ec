"""What touched the open pipeline: change by change, and added up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from opportunities.reports.rows import Movement

from .sql import (
    BESIDE,
    LASTED,
    MEANINGS,
    ONE,
    SHOWN,
    DealChange,
    DealScope,
    Span,
    fetch,
    from_database,
    sign,
    to_database,
)

_EFFECT = (
    "ABS(CASE WHEN after = 'open' THEN after_value ELSE 0 END"
    " - CASE WHEN before = 'open' THEN before_value ELSE 0 END)"
)


def count_movements(
    scope: DealScope, span: Span, known_from: datetime | None, largest: int = 0
) -> tuple[list[Movement], list[DealChange]]:
    """The changes that touch the open pipeline, counted together, and the `largest` of them one by one.

    Beside them, the won and lost deals that were deleted in Slant.

    They are counted by kind and by whether the value rose or fell. One query finds them once for both.
    """
    text, params = _changes(scope, span, known_from)
    rows = fetch(
        f"""
        WITH change AS ({text})
        SELECT '' AS id, NULL AS at, '', '', '', '', '', before, after, new,
            COUNT(*), SUM(before_value), SUM(after_value)
        FROM change
        GROUP BY before, after, new, {sign("after_value - before_value")}
        UNION ALL
        SELECT {ONE}, before, after, new, 1, before_value, after_value FROM (
            SELECT * FROM change ORDER BY {_EFFECT} DESC, id LIMIT %s
        ) found {SHOWN}
        """,  # noqa: S608
        [*params, largest],
    )
    together = [_movement(row[7:]) for row in rows if not row[0]]
    return together, [_change(row) for row in rows if row[0]]


def list_changes(scope: DealScope, span: Span, known_from: datetime | None) -> list[DealChange]:
    """All changes that touch the open pipeline, one by one."""
    text, params = _changes(scope, span, known_from)
    rows = fetch(
        f"SELECT {ONE}, before, after, new, 1, before_value, after_value FROM ({text}) found {SHOWN}",  # noqa: S608
        params,
    )
    return [_change(row) for row in rows]


def _movement(row: Sequence[Any]) -> Movement:
    before, after, new, deals, old, now = row
    return Movement(before, after, int(old), int(now), deals, bool(new))


def _change(row: Sequence[Any]) -> DealChange:
    id, at, name, household, owner, book, stage = row[:7]
    return DealChange(id, from_database(at), name, household, owner, book, stage, _movement(row[7:]))


def _changes(scope: DealScope, span: Span, known_from: datetime | None) -> tuple[str, list[Any]]:
    """Changes within the scope on either side that touch the open pipeline, and closed deals deleted."""
    in_v, v_params = scope.sql("v")
    in_p, p_params = scope.sql("p")
    text = f"""
        SELECT * FROM (
            SELECT v.opportunity_id AS id, v.valid_from AS at,
                CASE WHEN v.gone OR NOT {in_v} THEN p.id ELSE v.id END AS shown,
                CASE WHEN p.valid_to IS NULL OR p.gone THEN '' WHEN NOT {in_p} THEN 'elsewhere'
                    ELSE COALESCE(pm.meaning, 'open') END AS before,
                CASE WHEN v.gone THEN '' WHEN NOT {in_v} THEN 'elsewhere'
                    ELSE COALESCE(vm.meaning, 'open') END AS after,
                CASE WHEN p.valid_to IS NULL AND (v.created_at IS NULL OR v.created_at >= %s)
                    THEN 1 ELSE 0 END AS new,
                COALESCE(p.value, 0) AS before_value, COALESCE(v.value, 0) AS after_value
            {BESIDE}
            LEFT JOIN {MEANINGS} vm ON vm.stage_id = v.stage_id
            LEFT JOIN {MEANINGS} pm ON pm.stage_id = p.stage_id
            WHERE v.valid_from >= %s AND v.valid_from < %s AND {LASTED}
        ) found
        WHERE (before = 'open' OR after = 'open' OR (after = '' AND before IN ('won', 'lost')))
            AND NOT (before = 'open' AND after = 'open' AND before_value = after_value)
    """  # noqa: S608
    params = [
        *v_params,
        *p_params,
        *v_params,
        to_database(known_from or span.first),
        to_database(span.first),
        to_database(span.last),
    ]
    return text, params
