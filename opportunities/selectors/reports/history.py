"""Changes of deals, read from their versions by SQL of our own: a version beside the one before it.

The ORM cannot join a table to itself by two columns, and doing it in Python would mean fetching every version of a
period. The texts below hold no value from outside: those travel as parameters. They run on SQLite and PostgreSQL alike.

A change is a version that begins in the span, beside the version of the same deal that ends as it begins. Versions that
began and ended in one moment never showed and are passed over. Stages mean what they mean today.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from opportunities.models import OpportunityVersion, StageMeaning
from opportunities.reports.rows import Closing, Movement, Passage

VERSIONS = OpportunityVersion._meta.db_table
MEANINGS = StageMeaning._meta.db_table


@dataclass(frozen=True)
class Scope:
    """Which deals a report is about: these books, this pipeline (empty: all), these owners (None: all)."""

    books: tuple[str, ...]
    pipeline: str = ""
    owners: tuple[str, ...] | None = None

    def sql(self, alias: str) -> tuple[str, list[Any]]:
        """A condition on a version, never NULL."""
        parts, params = [_among(f"{alias}.book_id", self.books)], list(self.books)
        if self.pipeline:
            parts.append(f"{alias}.pipeline_id = %s")
            params.append(self.pipeline)
        if self.owners is not None:
            parts.append(_among(f"{alias}.assigned_to_id", self.owners))
            params += self.owners
        return f"({' AND '.join(parts)})", params


@dataclass(frozen=True)
class Span:
    """From `first` on, until before `last`."""

    first: datetime
    last: datetime


@dataclass(frozen=True)
class Change:
    """One change of one deal, with what the deal was called and where it was after it (before it, where it left)."""

    id: str
    at: datetime
    name: str
    household: str
    owner: str
    book: str
    stage: str
    movement: Movement


def movements(
    scope: Scope, span: Span, known_from: datetime | None, largest: int = 0
) -> tuple[list[Movement], list[Change]]:
    """The changes that touch the open pipeline, counted together by kind and by whether the value rose or fell; and the
    `largest` of them one by one. One query: the changes are found once and read twice."""
    text, params = _changes(scope, span, known_from)
    rows = _fetch(
        f"""
        WITH change AS ({text})
        SELECT '' AS id, NULL AS at, '', '', '', '', '', before, after, new, COUNT(*), SUM(before_value), SUM(after_value)
        FROM change
        GROUP BY before, after, new, {_sign("after_value - before_value")}
        UNION ALL
        SELECT {_ONE}, before, after, new, 1, before_value, after_value FROM (
            SELECT * FROM change ORDER BY {_EFFECT} DESC, id LIMIT %s
        ) told {_SHOWN}
        """,  # noqa: S608
        [*params, largest],
    )
    together = [_movement(row[7:]) for row in rows if not row[0]]
    return together, [_change(row) for row in rows if row[0]]


def single(scope: Scope, span: Span, known_from: datetime | None) -> list[Change]:
    """All the same changes one by one."""
    text, params = _changes(scope, span, known_from)
    rows = _fetch(
        f"SELECT {_ONE}, before, after, new, 1, before_value, after_value FROM ({text}) told {_SHOWN}",  # noqa: S608
        params,
    )
    return [_change(row) for row in rows]


# What changes are added up by stands in indexes; what one is called is fetched for those that are shown alone.
_ONE = "told.id, told.at, s.name, s.household_id, s.assigned_to_id, s.book_id, s.stage_id"
_SHOWN = f"JOIN {VERSIONS} s ON s.id = told.shown"
_EFFECT = "ABS(CASE WHEN after = 'open' THEN after_value ELSE 0 END - CASE WHEN before = 'open' THEN before_value ELSE 0 END)"


def _movement(row: Sequence[Any]) -> Movement:
    before, after, new, deals, old, now = row
    return Movement(before, after, int(old), int(now), deals, bool(new))


def _change(row: Sequence[Any]) -> Change:
    id, at, name, household, owner, book, stage = row[:7]
    return Change(id, _moment(at), name, household, owner, book, stage, _movement(row[7:]))


def _changes(scope: Scope, span: Span, known_from: datetime | None) -> tuple[str, list[Any]]:
    """Changes within the scope on either side that touch the open pipeline."""
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
            {_BESIDE}
            LEFT JOIN {MEANINGS} vm ON vm.stage_id = v.stage_id
            LEFT JOIN {MEANINGS} pm ON pm.stage_id = p.stage_id
            WHERE v.valid_from >= %s AND v.valid_from < %s AND {_LASTED}
        ) told
        WHERE (before = 'open' OR after = 'open')
            AND NOT (before = 'open' AND after = 'open' AND before_value = after_value)
    """  # noqa: S608
    params = [
        *v_params,
        *p_params,
        *v_params,
        _written(known_from or span.first),
        _written(span.first),
        _written(span.last),
    ]
    return text, params


_BESIDE = f"""
    FROM {VERSIONS} v
    LEFT JOIN {VERSIONS} p
        ON p.opportunity_id = v.opportunity_id AND p.valid_to = v.valid_from AND p.valid_from < p.valid_to
"""
_LASTED = "(v.valid_to IS NULL OR v.valid_to > v.valid_from)"


def closings(scope: Scope, edges: Sequence[datetime], by: Sequence[str]) -> list[Closing]:
    """Deals won and lost between the first and the last of `edges`, counted by stretch, days since creation and `by`.

    Of a deal found already closed, Slant's own date of its last move says when: so much is known of the time before us.
    """
    text, params = _closed(scope, edges[0], edges[-1])
    names = "".join(f", {each}" for each in by)
    buckets = " ".join(f"WHEN at < %s THEN {place}" for place in range(len(edges) - 2))
    bucket = f"CASE {buckets} ELSE {len(edges) - 2} END" if buckets else "0"
    rows = _fetch(
        f"""
        SELECT bucket, meaning, days{names}, COUNT(*), COALESCE(SUM(value), 0), COUNT(*) - COUNT(value) FROM (
            SELECT meaning, value{names}, {bucket} AS bucket,
                CASE WHEN created_at IS NULL THEN NULL
                    ELSE ({_epoch("at")} - {_epoch("created_at")}) / 86400 END AS days
            FROM ({text}) closed
        ) told
        GROUP BY bucket, meaning, days{names}
        """,  # noqa: S608
        [*(_written(edge) for edge in edges[1:-1]), *params],
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
    rows = _fetch(
        f"""
        SELECT {_ONE}, meaning, COALESCE(told.value, 0), whole FROM (
            SELECT closed.*, COUNT(*) OVER () AS whole FROM ({text}) closed WHERE {_among("meaning", meanings)}
            ORDER BY COALESCE(value, 0) DESC, id LIMIT %s
        ) told {_SHOWN} ORDER BY COALESCE(told.value, 0) DESC, told.id
        """,  # noqa: S608
        [*params, *meanings, most],
    )
    found = [
        Change(id, _moment(at), name, household, owner, book, stage, Movement("", meaning, 0, int(value)))
        for id, at, name, household, owner, book, stage, meaning, value, _ in rows
    ]
    return found, rows[0][-1] if rows else 0


def _closed(scope: Scope, first: datetime, last: datetime) -> tuple[str, list[Any]]:
    in_v, params = scope.sql("v")
    text = f"""
        SELECT * FROM (
            SELECT v.opportunity_id AS id, v.id AS shown, v.assigned_to_id AS owner, v.book_id AS book,
                vm.meaning AS meaning, v.value AS value, v.created_at AS created_at,
                CASE WHEN p.valid_to IS NULL THEN COALESCE(v.stage_since, v.valid_from) ELSE v.valid_from END AS at
            {_BESIDE}
            JOIN {MEANINGS} vm ON vm.stage_id = v.stage_id AND vm.meaning IN ('won', 'lost')
            LEFT JOIN {MEANINGS} pm ON pm.stage_id = p.stage_id
            WHERE v.valid_from >= %s AND {in_v} AND NOT v.gone AND {_LASTED}
                AND (p.valid_to IS NULL OR COALESCE(pm.meaning, 'open') <> vm.meaning)
        ) turned
        WHERE at >= %s AND at < %s
    """  # noqa: S608
    return text, [_written(first), *params, _written(first), _written(last)]


def passages(scope: Scope, span: Span, known_from: datetime | None) -> list[Passage]:
    """Stays in a stage that began in the span, by the stage they led to. Filters look at the deal as it entered."""
    text, params = _stays(scope, span, known_from)
    rows = _fetch(
        f"SELECT stage, then_stage, COUNT(*), COALESCE(SUM(value), 0) FROM ({text}) stays GROUP BY stage, then_stage",  # noqa: S608
        params,
    )
    return [Passage(stage, then, deals, int(value)) for stage, then, deals, value in rows]


def stays(scope: Scope, span: Span, known_from: datetime | None, stage: str) -> list[tuple[Change, Passage]]:
    """The stays in one stage, one by one, the most valuable first."""
    text, params = _stays(scope, span, known_from)
    rows = _fetch(
        f"""
        SELECT {_ONE}, told.then_stage, COALESCE(told.value, 0)
        FROM ({text}) told {_SHOWN} WHERE told.stage = %s ORDER BY COALESCE(told.value, 0) DESC, told.id
        """,  # noqa: S608
        [*params, stage],
    )
    return [
        (
            Change(id, _moment(at), name, household, owner, book, stage, Movement("", "", 0, int(value))),
            Passage(stage, then, 1, int(value)),
        )
        for id, at, name, household, owner, book, stage, then, value in rows
    ]


def _stays(scope: Scope, span: Span, known_from: datetime | None) -> tuple[str, list[Any]]:
    in_v, v_params = scope.sql("v")
    text = f"""
        SELECT id, at, shown, stage, COALESCE(then_stage, '') AS then_stage, value
        FROM (
            SELECT turn.*, LEAD(stage) OVER (PARTITION BY id ORDER BY at) AS then_stage FROM (
                SELECT v.opportunity_id AS id, v.valid_from AS at, v.id AS shown, v.value AS value,
                    CASE WHEN {in_v} AND (p.valid_to IS NOT NULL OR v.created_at IS NULL OR v.created_at >= %s)
                        THEN 1 ELSE 0 END AS counted,
                    CASE WHEN v.gone THEN 'elsewhere' ELSE v.stage_id END AS stage
                {_BESIDE}
                WHERE v.valid_from >= %s AND v.valid_from < %s AND {_LASTED}
                    AND (p.valid_to IS NULL OR p.stage_id <> v.stage_id OR p.gone <> v.gone)
            ) turn
        ) stay
        WHERE counted = 1 AND stage <> 'elsewhere'
    """  # noqa: S608
    params = [*v_params, _written(known_from or span.first), _written(span.first), _written(span.last)]
    return text, params


def _among(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(['%s'] * len(values))})" if values else "1 = 0"


def _sign(expression: str) -> str:
    return f"CASE WHEN {expression} > 0 THEN 1 WHEN {expression} < 0 THEN -1 ELSE 0 END"


def _epoch(column: str) -> str:
    """Whole seconds since 1970, so that days are told from seconds and never from rounded parts of them."""
    if connection.vendor == "sqlite":
        return f"CAST(strftime('%%s', {column}) AS INTEGER)"
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM {column})) AS BIGINT)"


def _written(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _moment(value: Any) -> datetime:
    """SQLite keeps moments as text, in UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fetch(text: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return list(cursor.fetchall())
