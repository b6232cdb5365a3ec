"""How deals passed through the stages: one turn after the other, as versions tell them."""

from collections.abc import Iterator
from datetime import datetime

from opportunities.reports.stage_visits import StageTurn

from .sql import BESIDE, LASTED, DealScope, Span, fetch, from_database, to_database


def list_turns(scope: DealScope, span: Span, known_from: datetime | None) -> Iterator[StageTurn]:
    """Where deals came into a stage in the span, or left Slant, deal by deal in order.

    `is_in_scope`: the filters hold for the deal as it entered, and it was not merely found there by the first
    load.
    """
    in_v, v_params = scope.sql("v")
    rows = fetch(
        f"""
        SELECT v.opportunity_id AS id, v.valid_from AS at, v.id AS shown,
            CASE WHEN v.gone THEN 'elsewhere' ELSE v.stage_id END AS stage,
            CASE WHEN p.gone THEN 'elsewhere' ELSE COALESCE(p.stage_id, '') END AS came_from,
            COALESCE(v.value, 0) AS value,
            CASE WHEN {in_v} AND NOT v.gone
                AND (p.valid_to IS NOT NULL OR v.created_at IS NULL OR v.created_at >= %s)
                THEN 1 ELSE 0 END AS is_in_scope
        {BESIDE}
        WHERE v.valid_from >= %s AND v.valid_from < %s AND {LASTED}
            AND (p.valid_to IS NULL OR p.stage_id <> v.stage_id OR p.gone <> v.gone)
        ORDER BY v.opportunity_id, v.valid_from
        """,
        [
            *v_params,
            to_database(known_from or span.first),
            to_database(span.first),
            to_database(span.last),
        ],
    )
    for id, at, version_id, stage, came_from, value, is_in_scope in rows:
        yield StageTurn(id, from_database(at), version_id, stage, came_from, int(value), bool(is_in_scope))
