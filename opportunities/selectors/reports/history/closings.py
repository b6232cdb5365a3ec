"""What was won and lost."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from opportunities.models import LostReason, State, Submission
from opportunities.reports.rows import Closing, Lost, Movement

from .sql import (
    BESIDE,
    LASTED,
    MEANINGS,
    ONE,
    SHOWN,
    Change,
    Scope,
    Span,
    among,
    epoch,
    fetch,
    moment,
    written,
)

REASONS = LostReason._meta.db_table
SUBMISSIONS = Submission._meta.db_table


def closings(scope: Scope, edges: Sequence[datetime], by: Sequence[str]) -> list[Closing]:
    """Deals won and lost between the first and the last of `edges`, counted by stretch, days since creation
    and `by`.

    Of a deal found already closed, Slant's own date of its last move says when: so much is known of the time
    before us.
    """
    text, params = _closed(scope, edges[0], edges[-1])
    names = "".join(f", {each}" for each in by)
    buckets = " ".join(f"WHEN at < %s THEN {place}" for place in range(len(edges) - 2))
    bucket = f"CASE {buckets} ELSE {len(edges) - 2} END" if buckets else "0"
    rows = fetch(
        f"""
        SELECT bucket, meaning, days{names}, COUNT(*), COALESCE(SUM(value), 0), COUNT(*) - COUNT(value) FROM (
            SELECT meaning, value{names}, {bucket} AS bucket,
                CASE WHEN created_at IS NULL THEN NULL
                    ELSE ({epoch("at")} - {epoch("created_at")}) / 86400 END AS days
            FROM ({text}) closed
        ) told
        GROUP BY bucket, meaning, days{names}
        """,  # noqa: S608
        [*(written(edge) for edge in edges[1:-1]), *params],
    )
    keys = ("bucket", "meaning", "days", *by, "deals", "value", "valueless")
    found = []
    for row in rows:
        told = dict(zip(keys, row, strict=True))
        told["days"] = None if told["days"] is None else max(0, int(told["days"]))
        told["value"] = int(told["value"])
        found.append(Closing(**told))
    return found


def closed(scope: Scope, span: Span, meanings: Sequence[str], most: int) -> tuple[list[Change], int]:
    """The same deals one by one, the most valuable first, and how many there are."""
    text, params = _closed(scope, span.first, span.last)
    rows = fetch(
        f"""
        SELECT {ONE}, meaning, COALESCE(told.value, 0), whole FROM (
            SELECT closed.*, COUNT(*) OVER () AS whole FROM ({text}) closed WHERE {among("meaning", meanings)}
            ORDER BY COALESCE(value, 0) DESC, id LIMIT %s
        ) told {SHOWN} ORDER BY COALESCE(told.value, 0) DESC, told.id
        """,  # noqa: S608
        [*params, *meanings, most],
    )
    found = [
        Change(id, moment(at), name, household, owner, book, stage, Movement("", meaning, 0, int(value)))
        for id, at, name, household, owner, book, stage, meaning, value, _ in rows
    ]
    return found, rows[0][-1] if rows else 0


def lost_reasons(scope: Scope, span: Span) -> list[Lost]:
    """Deals lost, counted by the reason given with the move that brought them there; empty: moved without
    one, in Slant.

    Such a move was asked for before the deal was seen there, and arrived since it was last seen elsewhere.
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
        ) told
        GROUP BY reason
        """,  # noqa: S608
        [State.CONFIRMED.value, *params],
    )
    return [Lost(reason or "", deals, int(value)) for reason, deals, value in rows]


def _closed(scope: Scope, first: datetime, last: datetime) -> tuple[str, list[Any]]:
    in_v, params = scope.sql("v")
    text = f"""
        SELECT * FROM (
            SELECT v.opportunity_id AS id, v.id AS shown, v.assigned_to_id AS owner, v.book_id AS book,
                vm.meaning AS meaning, v.value AS value, v.created_at AS created_at, v.stage_id AS stage,
                v.valid_from AS since, COALESCE(p.valid_from, v.valid_from) AS before,
                CASE WHEN p.valid_to IS NULL THEN COALESCE(v.stage_since, v.valid_from) ELSE v.valid_from END AS at
            {BESIDE}
            JOIN {MEANINGS} vm ON vm.stage_id = v.stage_id AND vm.meaning IN ('won', 'lost')
            LEFT JOIN {MEANINGS} pm ON pm.stage_id = p.stage_id
            WHERE v.valid_from >= %s AND {in_v} AND NOT v.gone AND {LASTED}
                AND (p.valid_to IS NULL OR COALESCE(pm.meaning, 'open') <> vm.meaning)
        ) turned
        WHERE at >= %s AND at < %s
    """  # noqa: S608
    return text, [written(first), *params, written(first), written(last)]
