"""How deals passed through the stages: stay by stay, and counted."""

from datetime import datetime
from typing import Any

from opportunities.reports.rows import Movement, Passage

from .sql import BESIDE, LASTED, ONE, SHOWN, Change, Scope, Span, fetch, moment, written


def passages(scope: Scope, span: Span, known_from: datetime | None) -> list[Passage]:
    """Stays in a stage that began in the span, by the stage they led to. Filters look at the deal as it
    entered.
    """
    text, params = _stays(scope, span, known_from)
    rows = fetch(
        f"SELECT stage, then_stage, COUNT(*), COALESCE(SUM(value), 0) FROM ({text}) stays GROUP BY stage, then_stage",  # noqa: S608
        params,
    )
    return [Passage(stage, then, deals, int(value)) for stage, then, deals, value in rows]


def stays(scope: Scope, span: Span, known_from: datetime | None, stage: str) -> list[tuple[Change, Passage]]:
    """The stays in one stage, one by one, the most valuable first."""
    text, params = _stays(scope, span, known_from)
    rows = fetch(
        f"""
        SELECT {ONE}, told.then_stage, COALESCE(told.value, 0)
        FROM ({text}) told {SHOWN} WHERE told.stage = %s ORDER BY COALESCE(told.value, 0) DESC, told.id
        """,  # noqa: S608
        [*params, stage],
    )
    return [
        (
            Change(id, moment(at), name, household, owner, book, stage, Movement("", "", 0, int(value))),
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
                {BESIDE}
                WHERE v.valid_from >= %s AND v.valid_from < %s AND {LASTED}
                    AND (p.valid_to IS NULL OR p.stage_id <> v.stage_id OR p.gone <> v.gone)
            ) turn
        ) stay
        WHERE counted = 1 AND stage <> 'elsewhere'
    """  # noqa: S608
    params = [*v_params, written(known_from or span.first), written(span.first), written(span.last)]
    return text, params
