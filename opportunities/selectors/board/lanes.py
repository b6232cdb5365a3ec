"""Lanes with a window of their cards. A deal that is being moved is shown and counted in its new stage."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from django.db.models import QuerySet

from opportunities.models import OPEN, Meaning, Opportunity
from opportunities.offer import StageChoice
from opportunities.selectors.board.cards import CardBuilder
from opportunities.selectors.board.parts import Lane, Sums
from opportunities.selectors.board.places import Place
from opportunities.selectors.board.windows import (
    CardRow,
    Ids,
    below_cursor,
    cursor,
    first_of_each,
    ids_of,
    is_below,
    rows_of,
)

MOST_SHOWN = 400


def empty_lane(place: Place, stage: StageChoice, sums: dict[str, Sums], won: dict[str, Sums]) -> Lane:
    own = won.get(stage.id, Sums()) if stage.meaning == Meaning.WON else None
    return Lane(place.id, stage, sums.get(stage.id, Sums()), won=own)


def fill_lanes(
    builder: CardBuilder,
    chosen: QuerySet[Opportunity],
    lanes: Sequence[Lane],
    cards_by_stage: Mapping[str, int],
    *,
    after: str = "",
) -> list[Lane]:
    """`lanes`, with cards in those that `cards_by_stage` names.

    A deal that is being moved counts in its new stage.
    """
    counts = {stage_id: max(1, min(count, MOST_SHOWN)) for stage_id, count in cards_by_stage.items()}
    moving = _moving(builder)
    rows = rows_of(builder.person, _statements(chosen, counts, moving, after))
    by_stage = _by_stage(rows, lanes)
    away = [row for rows in by_stage.values() for row in rows if builder.lies_in(row) != row.stage_id]
    filled = []
    for lane in lanes:
        lane = replace(lane, sums=_recount(lane, away, builder))
        stage_id = lane.stage.id
        if stage_id in counts:
            arriving = [] if after else [row for row in away if builder.lies_in(row) == stage_id]
            stage_rows = [row for row in by_stage[stage_id] if not after or is_below(row, after)]
            lane = _with_cards(lane, stage_rows, counts[stage_id], arriving, moving, builder)
        filled.append(lane)
    return filled


def _by_stage(rows: Iterable[CardRow], lanes: Iterable[Lane]) -> dict[str, list[CardRow]]:
    """The rows of each lane, by Slant's stage of the deal."""
    by_stage: dict[str, list[CardRow]] = {lane.stage.id: [] for lane in lanes}
    for row in rows:
        if row.stage_id in by_stage:
            by_stage[row.stage_id].append(row)
    return by_stage


def _moving(builder: CardBuilder) -> set[str]:
    """The deals for which a move is under way."""
    return {
        id
        for id, changes in builder.pending.items()
        if any(change.aim for change in changes if change.state in OPEN)
    }


def _statements(
    chosen: QuerySet[Opportunity], counts: Mapping[str, int], moving: Set[str], after: str
) -> list[Ids]:
    """The first deals of each stage, one more than wanted, and all that are being moved."""
    ordered = chosen.order_by("-since", "-pk")  # type: ignore[misc]  # `since` is an annotation
    if cut := below_cursor(after):
        ordered = ordered.filter(cut)
    statements = first_of_each(ordered, {stage_id: count + 1 for stage_id, count in counts.items()})
    if moving and (moved := ids_of(chosen.filter(pk__in=moving))):
        statements.append(moved)
    return statements


def _with_cards(
    lane: Lane,
    stage_rows: Sequence[CardRow],
    count: int,
    arriving: Sequence[CardRow],
    moving: Set[str],
    builder: CardBuilder,
) -> Lane:
    """Cards that are being moved here come first. A card that leaves is not shown, but the next window begins
    below it.
    """
    window = stage_rows[:count]
    staying = [row for row in window if row.id not in moving or builder.lies_in(row) == lane.stage.id]
    return replace(
        lane,
        cards=tuple(builder.card(row) for row in (*arriving, *staying)),
        after=cursor(window[-1]) if len(stage_rows) > len(window) else "",
        shown_count=len(window),
    )


def _recount(lane: Lane, away: Iterable[CardRow], builder: CardBuilder) -> Sums:
    """The lane's sums without the deals that leave and with those that arrive, weighted by its own stage."""
    sums = lane.sums
    for row in away:
        probability = lane.stage.probability if row.probability is None else row.probability
        own = Sums(1, int(row.value is None), row.value or 0, (row.value or 0) * (probability or 0))
        if row.stage_id == lane.stage.id:
            sums = sums.plus(own, -1)
        elif builder.lies_in(row) == lane.stage.id:
            sums = sums.plus(own)
    return sums
