"""What was won and lost."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from opportunities.models import LostReason, State, Submission
from opportunities.reports.rows import Closing, LossCount, Movement

from .sql import (
    BESIDE,
    LASTED,
    MEANINGS,
    ONE,
    SHOWN,
    DealChange,
    DealScope,
    Span,
    among,
    epoch,
    fetch,
    from_database,
    to_database,
)

REASONS = LostReason._meta.db_table
SUBMISSIONS = Submission._meta.db_table


# A version begins when we saw it. By Slant's clock, which dates the move, that may be a little earlier.
CLOCKS_DIFFER = timedelta(days=1)


def count_closings(scope: DealScope, edges: Sequence[datetime], by: Sequence[str]) -> list[Closing]:
    """Deals won and lost between the first and the last of `edges`, by stretch, days since creation and `by`.

    A deal counts on Slant's own date of the move that closed it; without that date in no period.
    """
    text, params = _closed(scope, edges[0], edges[-1])
    names = "".join(f", {name}" for name in by)
    buckets = " ".join(f"WHEN at < %s THEN {place}" for place in range(len(edges) - 2))
    bucket = f"CASE {buckets} ELSE {len(edges) - 2} END" if buckets else "0"
    rows = fetch(
        f"""
        SELECT bucket, meaning, days{names}, COUNT(*), COALESCE(SUM(value), 0), COUNT(*) - COUNT(value) FROM (
            SELECT meaning, value{names}, {bucket} AS bucket,
                CASE WHEN created_at IS NULL THEN NULL
                    ELSE ({epoch("at")} - {epoch("created_at")}) / 86400 END AS days
            FROM ({text}) closed
        ) found
        GROUP BY bucket, meaning, days{names}
        """,  # noqa: S608
        [*(to_database(edge) for edge in edges[1:-1]), *params],
    )
    keys = ("bucket", "meaning", "days", *by, "deals", "value", "valueless")
    return [_closing(dict(zip(keys, row, strict=True))) for row in rows]


def _closing(row: dict[str, Any]) -> Closing:
    days = None if row["days"] is None else max(0, int(row["days"]))
    return Closing(**row | {"days": days, "value": int(row["value"])})


def list_closings(
    scope: DealScope, span: Span, meanings: Sequence[str], most: int
) -> tuple[list[DealChange], int]:
    """The deals won or lost one by one, the most valuable first, and how many there are."""
    text, params = _closed(scope, span.first, span.last)
    rows = fetch(
        f"""
        SELECT {ONE}, meaning, COALESCE(found.value, 0), whole FROM (
            SELECT closed.*, COUNT(*) OVER () AS whole FROM ({text}) closed WHERE {among("meaning", meanings)}
            ORDER BY COALESCE(value, 0) DESC, id LIMIT %s
        ) found {SHOWN} ORDER BY COALESCE(found.value, 0) DESC, found.id
        """,  # noqa: S608
        [*params, *meanings, most],
    )
    found = [
        DealChange(
            id, from_database(at), name, household, owner, book, stage, Movement("", meaning, 0, int(value))
        )
        for id, at, name, household, owner, book, stage, meaning, value, _ in rows
    ]
    return found, rows[0][-1] if rows else 0


def count_lost_reasons(scope: DealScope, span: Span) -> list[LossCount]:
    """Deals lost, by the reason given with the move that lost them; empty where they moved without one.

    Such a move was asked for before the deal was seen in the stage, and arrived after it was last seen
    elsewhere.
    """
    text, params = _closed(scope, span.first, span.last)
    rows = fetch(
        f"""
        SELECT reason, COUNT(*), COALESCE(SUM(value), 0) FROM (
            SELECT value, (
                SELECT r.reason FROM {REASONS} r JOIN {SUBMISSIONS} s ON s.id = r.submission_id
                WHERE r.opportunity_id = closed.id AND r.stage_id = closed.stage AND r.at <= closed.since
                    AND s.state = %s AND s.settled_at >= closed.before
                ORDER BY r.at DESC LIMIT 1
            ) AS reason
            FROM ({text}) closed WHERE meaning = 'lost'
        ) found
        GROUP BY reason
        """,  # noqa: S608
        [State.CONFIRMED.value, *params],
    )
    return [LossCount(reason or "", deals, int(value)) for reason, deals, value in rows]


def _closed(scope: DealScope, first: datetime, last: datetime) -> tuple[str, list[Any]]:
    in_v, params = scope.sql("v")
    text = f"""
        SELECT * FROM (
            SELECT v.opportunity_id AS id, v.id AS shown, v.assigned_to_id AS owner, v.book_id AS book,
                vm.meaning AS meaning, v.value AS value, v.created_at AS created_at, v.stage_id AS stage,
                v.valid_from AS since, COALESCE(p.valid_from, v.valid_from) AS before,
                v.stage_since AS at
            {BESIDE}
            JOIN {MEANINGS} vm ON vm.stage_id = v.stage_id AND vm.meaning IN ('won', 'lost')
            LEFT JOIN {MEANINGS} pm ON pm.stage_id = p.stage_id
            WHERE v.valid_from >= %s AND {in_v} AND NOT v.gone AND {LASTED}
                AND (p.valid_to IS NULL OR COALESCE(pm.meaning, 'open') <> vm.meaning)
        ) turned
        WHERE at >= %s AND at < %s
    """  # noqa: S608
    return text, [to_database(first - CLOCKS_DIFFER), *params, to_database(first), to_database(last)]
