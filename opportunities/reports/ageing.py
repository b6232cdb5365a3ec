"""How long open deals have been in their stage, against its limit and against the usual time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opportunities.wording import formats
from opportunities.wording import reports as words

from .context import SheetContext
from .deal_tables import open_deals
from .measures import whole
from .quantiles import median, percentile
from .rows import OPEN, AgeCount, DealLine, ReportStage, Stages
from .sheets import DAYS, Cell, Chart, Column, Panel, Row, Series, Sheet, Table, build_table

HINT = (
    "A deal is stale when it has been in its stage longer than the stage's limit, set by managers. "
    "The median and the 90th percentile are those of the deals in the stage now; they decide nothing."
)
COLUMNS = (
    Column.text("Stage"),
    Column.count("Deals"),
    Column.days("Median days"),
    Column.days("9 in 10 within"),
    Column.days("Limit"),
    Column.count("Stale", file_label="Stuck"),
    Column.money("Stale value", file_label="Stuck value"),
)


@dataclass(frozen=True)
class AgeingRows:
    """`lines` are the stale deals to list, those longest over their limit first."""

    ages: Sequence[AgeCount]
    stages: Stages
    lines: Sequence[DealLine] = ()


@dataclass(frozen=True)
class StageAges:
    """The deals of a stage now. `median` and `p90` are in days; `stale` deals are over the stage's limit."""

    stage: ReportStage
    deals: int
    value: int
    median: float | None
    p90: int | None
    stale: int
    stale_value: int


@dataclass(frozen=True)
class PipelineAges:
    pipeline: str
    name: str
    stages: tuple[StageAges, ...]
    deals: int
    median: float | None
    p90: int | None

    @property
    def stale(self) -> int:
        return sum(stage.stale for stage in self.stages)

    @property
    def stale_value(self) -> int:
        return sum(stage.stale_value for stage in self.stages)


@dataclass(frozen=True)
class Ageing:
    pipelines: tuple[PipelineAges, ...]
    lines: tuple[DealLine, ...]

    @property
    def deals(self) -> int:
        return sum(pipeline.deals for pipeline in self.pipelines)

    @property
    def stale(self) -> int:
        return sum(pipeline.stale for pipeline in self.pipelines)

    @property
    def stale_value(self) -> int:
        return sum(pipeline.stale_value for pipeline in self.pipelines)


def calculate(rows: AgeingRows) -> Ageing:
    by_stage: dict[str, list[AgeCount]] = defaultdict(list)
    for age in rows.ages:
        by_stage[age.stage].append(age)
    pipelines: dict[str, list[ReportStage]] = {}
    for stage in sorted(rows.stages.values(), key=lambda stage: stage.order):
        if stage.meaning == OPEN:
            pipelines.setdefault(stage.pipeline, []).append(stage)
    return Ageing(
        tuple(_ages_of_pipeline(stages, by_stage) for stages in pipelines.values()), tuple(rows.lines)
    )


def _ages_of_pipeline(stages: Sequence[ReportStage], by_stage: dict[str, list[AgeCount]]) -> PipelineAges:
    counts = _days(age for stage in stages for age in by_stage.get(stage.id, []))
    return PipelineAges(
        stages[0].pipeline,
        stages[0].pipeline_name,
        tuple(_ages_of_stage(stage, by_stage.get(stage.id, [])) for stage in stages),
        sum(counts.values()),
        median(counts),
        percentile(counts, 0.9),
    )


def _ages_of_stage(stage: ReportStage, ages: Sequence[AgeCount]) -> StageAges:
    counts = _days(ages)
    stale = [age for age in ages if age.days >= stage.limit]
    return StageAges(
        stage,
        sum(counts.values()),
        sum(age.value for age in ages),
        median(counts),
        percentile(counts, 0.9),
        sum(age.deals for age in stale),
        sum(age.value for age in stale),
    )


def _days(ages: Iterable[AgeCount]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for age in ages:
        counts[age.days] += age.deals
    return counts


def build_sheet(rows: AgeingRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    panels = [Panel(_stale_deals(result, context))] if result.lines else []
    panels += [
        Panel(_stage_table(pipeline, context), _days_chart(pipeline))
        for pipeline in result.pipelines
        if pipeline.deals
    ]
    return Sheet(
        "ageing",
        write_finding(result),
        write_lede(result, context),
        tuple(panels),
        hints=(HINT,),
        empty="" if result.deals else words.NOTHING_OPEN,
    )


def write_finding(result: Ageing) -> str:
    if not result.deals:
        return "There are no open deals here."
    if not result.stale:
        return f"Nothing is stale: {formats.deals(result.deals)}, none over the limit."
    verb = "is" if result.stale == 1 else "are"
    total = f"{formats.money(result.stale_value)} in total" if result.stale_value else "without a value yet"
    return f"{words.of_deals(result.stale, result.deals)} {verb} stale, {total}."


def write_lede(result: Ageing, context: SheetContext) -> str:
    if len(result.lines) < 5:
        return ""
    owners = dict.fromkeys(line.owner_name or context.owner_name(line.owner) for line in result.lines[:5])
    all_of = "all " if len(owners) == 1 else ""
    return f"The five that have waited longest {all_of}belong to {formats.and_list(list(owners))}."


def _whole_days(days: float | None) -> int | None:
    return None if days is None else whole(days)


def _stale_deals(result: Ageing, context: SheetContext) -> Table:
    listed = len(result.lines)
    return open_deals(
        "stale",
        "Stale deals, longest over their limit first",
        result.lines,
        context,
        note=f"The first {listed} of {result.stale:,}" if result.stale > listed else "",
    )


def _stage_table(pipeline: PipelineAges, context: SheetContext) -> Table:
    foot = Row(
        (
            Cell("Whole pipeline"),
            Cell(pipeline.deals),
            Cell(_whole_days(pipeline.median)),
            Cell(pipeline.p90),
            Cell(None),
            Cell(pipeline.stale),
            Cell(pipeline.stale_value),
        )
    )
    rows = (_stage_row(stage, context) for stage in pipeline.stages)
    return build_table(f"stages-{pipeline.pipeline}", pipeline.name, COLUMNS, rows, foot=foot)


def _stage_row(ages: StageAges, context: SheetContext) -> Row:
    stage_ids = [ages.stage.id]
    return Row(
        (
            Cell(ages.stage.name, context.links.deals(stage=stage_ids)),
            Cell(ages.deals),
            Cell(_whole_days(ages.median)),
            Cell(ages.p90),
            Cell(ages.stage.limit),
            Cell(ages.stale, context.links.deals(stage=stage_ids, stale=True) if ages.stale else ""),
            Cell(ages.stale_value),
        )
    )


def _days_chart(pipeline: PipelineAges) -> Chart:
    slowest = max(
        (stage for stage in pipeline.stages if stage.median is not None), key=lambda stage: stage.median or 0
    )
    longest = formats.days(whole(slowest.median or 0))
    takes = "takes longest," if sum(stage.deals > 0 for stage in pipeline.stages) > 1 else "takes"
    return Chart(
        f"{pipeline.name}: {slowest.stage.name} {takes} a median of {longest}",
        "bars",
        DAYS,
        f"Days in stage by stage of {pipeline.name}: the median, what 9 in 10 deals stay within, and the "
        f"limit. "
        "The table beside it has every figure.",
        (Series(2, "Median", "3"), Series(3, "9 in 10 within", "2"), Series(4, "Limit", "4")),
    )
