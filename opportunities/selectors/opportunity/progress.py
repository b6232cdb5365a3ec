"""The stages of a deal, and how long it was in each."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from opportunities.models import Meaning, Opportunity, OpportunityVersion, Pipeline, Stage
from opportunities.offer import PipelineChoice, StageChoice
from opportunities.selectors.opportunity.parts import StageStep, StageTime
from opportunities.selectors.stages import draw_stages, with_meanings
from opportunities.wording import deals as words
from opportunities.wording import formats

FULL = 100
DAY = timedelta(days=1)


def pipeline_of(row: Opportunity) -> PipelineChoice:
    """The deal's pipeline with its stages in order; always with the deal's own stage. Makes one query."""
    stage_rows = with_meanings(Stage.objects.filter(pipeline=row.pipeline_id)).select_related("pipeline")
    stages = [stage for stage in stage_rows if stage.gone_at is None or stage.pk == row.stage_id]
    pipeline = stages[0].pipeline if stages else Pipeline(pk=row.pipeline_id, name=words.UNKNOWN_PIPELINE)
    if all(stage.pk != row.stage_id for stage in stages):
        stages.append(Stage(pk=row.stage_id, name=words.UNKNOWN_STAGE))
    return PipelineChoice(pipeline.pk, pipeline.name, pipeline.household_type, draw_stages(stages))


def steps(stage: StageChoice, stages: Sequence[StageChoice]) -> list[StageStep]:
    """The visible stages and the present one. Which stages were passed is known only for open and won
    deals.
    """
    shown_stages = [choice for choice in stages if choice.visible or choice.id == stage.id]
    current_place = next((place for place, choice in enumerate(shown_stages) if choice.id == stage.id), 0)
    on_the_road = stage.meaning in (Meaning.OPEN, Meaning.WON)
    return [
        StageStep(choice, on_the_road and place < current_place, choice.id == stage.id)
        for place, choice in enumerate(shown_stages)
    ]


def stage_times(
    row: Opportunity, history: Sequence[OpportunityVersion], stages: Sequence[StageChoice], now: datetime
) -> list[StageTime]:
    """Whole days by stage, in the order the deal first came to each.

    Slant's own date begins the first stage we saw.
    """
    times: dict[str, timedelta] = {}
    visits: dict[str, int] = {}
    begins = _first_stage_since(row, history)
    for stage_id, since, until in _stays(row, history, begins, now):
        times[stage_id] = times.get(stage_id, timedelta()) + max(until - since, timedelta())
        visits[stage_id] = visits.get(stage_id, 0) + 1
    before = max(begins - row.created_at, timedelta()) if row.created_at else timedelta()
    longest = max([before, *times.values(), timedelta(seconds=1)])
    drawn_by_id = {stage.id: stage for stage in stages}
    stage_times = [
        StageTime(
            name=drawn_by_id[stage_id].name if stage_id in drawn_by_id else words.UNKNOWN_STAGE,
            days=formats.days(time // DAY),
            share=max(1, round(FULL * (time / longest))),
            current=stage_id == row.stage_id,
            visits=visits[stage_id],
            stage=drawn_by_id.get(stage_id),
        )
        for stage_id, time in times.items()
    ]
    if before >= DAY:
        share = round(FULL * (before / longest))
        return [StageTime(words.BEFORE_US, formats.days(before // DAY), share, False, 1, None), *stage_times]
    return stage_times


def _first_stage_since(row: Opportunity, history: Sequence[OpportunityVersion]) -> datetime:
    """When the deal entered the first stage in which we saw it."""
    if not history:
        return row.stage_updated_at or row.created_at or row.first_seen_at
    first = history[0]
    since = first.stage_since or first.created_at or first.valid_from
    return min(since, first.valid_from)


def _stays(
    row: Opportunity, history: Sequence[OpportunityVersion], begins: datetime, now: datetime
) -> Iterator[tuple[str, datetime, datetime]]:
    """Each stay as stage, begin and end, in order. Slant's date of a move is used if it is plausible."""
    at, stage_id = begins, history[0].stage_id if history else row.stage_id
    for before, after in pairwise(history):
        if after.gone and not before.gone:
            yield stage_id, at, after.valid_from
            at = after.valid_from
        if after.stage_id == stage_id:
            continue
        moved = after.valid_from
        if after.stage_since and at <= after.stage_since <= after.valid_from:
            moved = after.stage_since
        yield stage_id, at, moved
        at, stage_id = moved, after.stage_id
    if row.gone_at is None:
        yield stage_id, at, now
