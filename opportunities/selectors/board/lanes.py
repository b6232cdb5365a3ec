"""Cards dealt into lanes: a window of each, with what is on its way lying and counting where it goes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.db.models import QuerySet

from opportunities.models import OPEN, Meaning, Opportunity
from opportunities.offer import StageChoice
from opportunities.selectors.board.cards import Dealing
from opportunities.selectors.board.parts import Lane, Sums
from opportunities.selectors.board.places import Place
from opportunities.selectors.board.windows import (
    Row,
    before,
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


def dealt(
    dealing: Dealing,
    chosen: QuerySet[Opportunity],
    lanes: Sequence[Lane],
    shown: Mapping[str, int],
    *,
    after: str = "",
) -> list[Lane]:
    """`lanes`, with cards in those that `shown` names; what is on its way counts where it goes."""
    ordered = chosen.order_by("-since", "-pk")  # type: ignore[misc]
    if cut := before(after):
        ordered = ordered.filter(cut)
    counts = {stage_id: max(1, min(count, MOST_SHOWN)) for stage_id, count in shown.items()}
    asked = first_of_each(ordered, {stage_id: count + 1 for stage_id, count in counts.items()})
    moving = {
        id for id, rows in dealing.pending.items() if any(each.aim for each in rows if each.state in OPEN)
    }
    if moving and (on_their_way := ids_of(chosen.filter(pk__in=moving))):
        asked.append(on_their_way)
    found = rows_of(dealing.person, asked)
    standing: dict[str, list[Row]] = {each.stage.id: [] for each in lanes}
    for row in found:
        if row.stage_id in standing:
            standing[row.stage_id].append(row)
    away = [row for rows in standing.values() for row in rows if dealing.lies_in(row) != row.stage_id]
    dealt = []
    for each in lanes:
        stage_id = each.stage.id
        lane = replace(each, sums=_recounted(each, away, dealing))
        if stage_id in counts:
            here = [row for row in standing[stage_id] if not after or is_below(row, after)]
            window = here[: counts[stage_id]]
            arriving = [] if after else [row for row in away if dealing.lies_in(row) == stage_id]
            staying = [row for row in window if row.id not in moving or dealing.lies_in(row) == stage_id]
            lane = replace(
                lane,
                cards=tuple(dealing.card(row) for row in (*arriving, *staying)),
                after=cursor(window[-1]) if len(here) > len(window) else "",
                shown=len(window),
            )
        dealt.append(lane)
    return dealt


def _recounted(lane: Lane, away: Iterable[Row], dealing: Dealing) -> Sums:
    """Its sums without what is leaving and with what is coming, weighed by the stage it is counted in."""
    sums = lane.sums
    for row in away:
        probability = lane.stage.probability if row.probability is None else row.probability
        own = Sums(1, int(row.value is None), row.value or 0, (row.value or 0) * (probability or 0))
        if row.stage_id == lane.stage.id:
            sums = sums.plus(own, -1)
        elif dealing.lies_in(row) == lane.stage.id:
            sums = sums.plus(own)
    return sums
