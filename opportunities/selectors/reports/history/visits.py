"""How deals passed through the stages: one visit to a stage after the other, or counted."""

from datetime import datetime
from typing import Any

from opportunities.reports.rows import Movement, StageVisit

from .sql import BESIDE, LASTED, ONE, SHOWN, DealChange, DealScope, Span, fetch, from_database, to_database


def count_visits(scope: DealScope, span: Span, known_from: datetime | None) -> list[StageVisit]:
    """Visits to a stage that began in the span, by the stage that followed.

    The filters apply to the deal as it entered.
    """
    text, params = _visits(scope, span, known_from)
    rows = fetch(
        f"""
        SELECT stage, then_stage, COUNT(*), COALESCE(SUM(value), 0)
        FROM ({text}) visits GROUP BY stage, then_stage
        """,  # noqa: S608
        params,
    )
    return [StageVisit(stage, then, deals, int(value)) for stage, then, deals, value in rows]


def list_visits(
    scope: DealScope, span: Span, known_from: datetime | None, stage: str
) -> list[tuple[DealChange, StageVisit]]:
    """The visits to one stage, one by one, the most valuable first."""
    text, params = _visits(scope, span, known_from)
    rows = fetch(
        f"""
        SELECT {ONE}, found.then_stage, COALESCE(found.value, 0)
        FROM ({text}) found {SHOWN} WHERE found.stage = %s ORDER BY COALESCE(found.value, 0) DESC, found.id
        """,  # noqa: S608
        [*params, stage],
    )
    return [
        (
            DealChange(
                id, from_database(at), name, household, owner, book, stage, Movement("", "", 0, int(value))
            ),
            StageVisit(stage, then, 1, int(value)),
        )
        for id, at, name, household, owner, book, stage, then, value in rows
    ]


def _visits(scope: DealScope, span: Span, known_from: datetime | None) -> tuple[str, list[Any]]:
    in_v, v_params = scope.sql("v")
    text = f"""
        SELECT id, at, shown, stage, COALESCE(then_stage, '') AS then_stage, value
        FROM (
            SELECT turn.*, LEAD(stage) OVER (PARTITION BY id ORDER BY at) AS then_stage FROM (
                SELECT v.opportunity_id AS id, v.valid_from AS at, v.id AS shown, v.value AS value,
                    CASE WHEN {in_v}
                        AND (p.valid_to IS NOT NULL OR v.created_at IS NULL OR v.created_at >= %s)
                        THEN 1 ELSE 0 END AS counted,
                    CASE WHEN v.gone THEN 'elsewhere' ELSE v.stage_id END AS stage
                {BESIDE}
                WHERE v.valid_from >= %s AND v.valid_from < %s AND {LASTED}
                    AND (p.valid_to IS NULL OR p.stage_id <> v.stage_id OR p.gone <> v.gone)
            ) turn
        ) visit
        WHERE counted = 1 AND stage <> 'elsewhere'
    """  # noqa: S608
    params = [
        *v_params,
        to_database(known_from or span.first),
        to_database(span.first),
        to_database(span.last),
    ]
    return text, params
