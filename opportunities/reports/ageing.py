"""How long open deals have been in their stage, against its limit and against what is usual in the pipeline."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .rows import OPEN, Age, Line, Stage, Stages, median, percentile


@dataclass(frozen=True)
class StageAge:
    """`stuck` deals have been here longer than `limit` days; `median` and `p90` are of the deals here now, in
    days.
    """

    stage: Stage
    deals: int
    value: int
    median: float | None
    p90: int | None
    stuck: int
    stuck_value: int


@dataclass(frozen=True)
class PipelineAge:
    pipeline: str
    name: str
    stages: tuple[StageAge, ...]
    deals: int
    median: float | None
    p90: int | None


@dataclass(frozen=True)
class Ageing:
    pipelines: tuple[PipelineAge, ...]
    lines: tuple[Line, ...]

    @property
    def deals(self) -> int:
        return sum(each.deals for each in self.pipelines)

    @property
    def stuck(self) -> int:
        return sum(stage.stuck for each in self.pipelines for stage in each.stages)

    @property
    def stuck_value(self) -> int:
        return sum(stage.stuck_value for each in self.pipelines for stage in each.stages)


def ageing(*, ages: Iterable[Age], stages: Stages, lines: Sequence[Line] = ()) -> Ageing:
    """`lines` are the stuck deals to show, those longest over their limit first."""
    by_stage: dict[str, list[Age]] = defaultdict(list)
    for age in ages:
        by_stage[age.stage].append(age)
    pipelines: dict[str, list[Stage]] = {}
    for stage in sorted(stages.values(), key=lambda stage: stage.order):
        if stage.meaning == OPEN:
            pipelines.setdefault(stage.pipeline, []).append(stage)
    found = []
    for pipeline, ordered in pipelines.items():
        told = tuple(_stage(stage, by_stage.get(stage.id, [])) for stage in ordered)
        counts = _counts(age for stage in ordered for age in by_stage.get(stage.id, []))
        found.append(
            PipelineAge(
                pipeline,
                ordered[0].pipeline_name,
                told,
                sum(counts.values()),
                median(counts),
                percentile(counts, 0.9),
            )
        )
    return Ageing(tuple(found), tuple(lines))


def _stage(stage: Stage, ages: Sequence[Age]) -> StageAge:
    counts = _counts(ages)
    stuck = [age for age in ages if age.days >= stage.limit]
    return StageAge(
        stage,
        sum(counts.values()),
        sum(age.value for age in ages),
        median(counts),
        percentile(counts, 0.9),
        sum(age.deals for age in stuck),
        sum(age.value for age in stuck),
    )


def _counts(ages: Iterable[Age]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for age in ages:
        counts[age.days] += age.deals
    return counts
