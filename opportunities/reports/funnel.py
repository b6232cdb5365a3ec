"""How deals pass through the stages: of those that entered one in the period, where they went."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opportunities.wording import formats

from .context import SheetContext
from .rows import ARCHIVED, ELSEWHERE, LOST, OPEN, WON, ReportStage, Stages, StageVisit
from .sheets import COUNT, Cell, Chart, Column, Panel, Row, Series, Sheet, Table, build_table

VISIT_OUTCOMES = ("entered", "moved_on", "lost", "archived", "back", "away", "here")
# Always shown, so that a zero is seen as one.
USUAL = ("entered", "moved_on", "lost", "here")
# Shown only where it happened.
SELDOM = {"archived": "Archived", "back": "Moved back", "away": "Left Slant or view"}
HINT = (
    "This counts stays in a stage that began in the period, by what had become of them when it ended. "
    "Conversion is "
    "the share that moved on out of those that moved on, were lost or were archived; deals still there are "
    "left out."
)


@dataclass(frozen=True)
class FunnelRows:
    visits: Sequence[StageVisit]
    stages: Stages


@dataclass(frozen=True)
class StageFlow:
    """`entered` is the sum of the rest. A deal that comes back to a stage enters it twice."""

    stage: str
    entered: int = 0
    moved_on: int = 0
    lost: int = 0
    archived: int = 0
    back: int = 0
    away: int = 0
    here: int = 0

    @property
    def ended(self) -> int:
        """Left the pipeline without being won."""
        return self.lost + self.archived

    @property
    def conversion(self) -> float | None:
        """The share that moved on, of those that moved on, were lost or were archived."""
        left = self.moved_on + self.ended
        return self.moved_on / left if left else None

    def count(self, outcome: str) -> int:
        return int(getattr(self, outcome))


@dataclass(frozen=True)
class Funnel:
    """By pipeline, its open stages in order. `won` deals reached a won stage."""

    pipelines: tuple[tuple[str, tuple[StageFlow, ...]], ...]
    won: int

    def __getitem__(self, stage: str) -> StageFlow:
        return next(flow for flow in self.flows if flow.stage == stage)

    @property
    def flows(self) -> list[StageFlow]:
        return [flow for _, flows in self.pipelines for flow in flows]


def calculate(rows: FunnelRows) -> Funnel:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    won = 0
    for visit in rows.visits:
        counts[visit.stage][visit_outcome(visit, rows.stages)] += visit.deals
        if (stage := rows.stages.get(visit.stage)) and stage.meaning == WON:
            won += visit.deals
    pipelines: dict[str, list[StageFlow]] = {}
    for stage in _open_in_order(rows.stages):
        found = counts[stage.id]
        flow = StageFlow(stage.id, found.total(), **found)
        pipelines.setdefault(stage.pipeline, []).append(flow)
    return Funnel(tuple((pipeline, tuple(flows)) for pipeline, flows in pipelines.items()), won)


def _open_in_order(stages: Stages) -> Iterable[ReportStage]:
    return sorted(
        (stage for stage in stages.values() if stage.meaning == OPEN), key=lambda stage: stage.order
    )


def visit_outcome(visit: StageVisit, stages: Stages) -> str:
    """The name of the count of `StageFlow` this visit belongs to."""
    if not visit.then:
        return "here"
    if visit.then == ELSEWHERE or visit.then not in stages:
        return "away"
    then, stage = stages[visit.then], stages.get(visit.stage)
    if then.meaning == LOST:
        return "lost"
    if then.meaning == ARCHIVED:
        return "archived"
    if stage and then.pipeline != stage.pipeline:
        return "away"
    if then.meaning == OPEN and stage and then.order < stage.order:
        return "back"
    return "moved_on"


def build_sheet(rows: FunnelRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    panels = tuple(
        Panel(_flow_table(pipeline, flows, context), _flow_chart(flows, context))
        for pipeline, flows in result.pipelines
        if any(flow.entered for flow in flows)
    )
    return Sheet(
        "funnel",
        write_finding(result, context),
        f"{formats.deals(result.won).capitalize()} reached a won stage.",
        panels,
        hints=(HINT, *context.history_hints()),
        empty="" if panels else context.why_nothing_happened(),
    )


def write_finding(result: Funnel, context: SheetContext) -> str:
    when = context.period_phrase
    losing = max(result.flows, key=lambda flow: (flow.ended, flow.stage), default=None)
    if losing is None or not losing.ended:
        entered = formats.deals(sum(flow.entered for flow in result.flows)).capitalize()
        return f"{entered} entered a stage {when}, and none were lost."
    left = formats.deals(losing.ended + losing.moved_on)
    name = context.stages[losing.stage].name
    return f"{name} loses the most: {losing.ended:,} of {left} that left it {when} went no further."


def _flow_table(pipeline: str, flows: Sequence[StageFlow], context: SheetContext) -> Table:
    seldom = [outcome for outcome in SELDOM if any(flow.count(outcome) for flow in flows)]
    return build_table(
        f"flows-{pipeline}",
        context.stages[flows[0].stage].pipeline_name,
        (
            Column.text("Stage"),
            Column.count("Entered"),
            Column.count("Moved on"),
            Column.count("Lost"),
            Column.count("Still there"),
            *(Column.count(SELDOM[outcome]) for outcome in seldom),
            Column.percent("Conversion"),
        ),
        (_flow_row(flow, (*USUAL, *seldom), context) for flow in flows),
    )


def _flow_row(flow: StageFlow, outcomes: Iterable[str], context: SheetContext) -> Row:
    def link(outcome: str) -> str:
        return context.links.show(f"{outcome}:{flow.stage}") if flow.count(outcome) else ""

    return Row(
        (
            Cell(context.stages[flow.stage].name, link("entered")),
            *(Cell(flow.count(outcome), link(outcome)) for outcome in outcomes),
            Cell(flow.conversion),
        )
    )


def _flow_chart(flows: Sequence[StageFlow], context: SheetContext) -> Chart:
    name = context.stages[flows[0].stage].pipeline_name
    entered, moved = sum(flow.entered for flow in flows), sum(flow.moved_on for flow in flows)
    return Chart(
        f"{name}: {moved:,} of {entered:,} entries into a stage led to a later one",
        "stacked",
        COUNT,
        f"Deals that entered each stage of {name}: moved on, still there, lost. The table beside it has "
        f"every figure.",
        (Series(2, "Moved on", "2"), Series(4, "Still there", "1"), Series(3, "Lost", "lost")),
    )


def title_behind(key: str, context: SheetContext) -> str:
    outcome, _, stage = key.partition(":")
    return f"{context.stages[stage].name}: {outcome.replace('_', ' ')}"
