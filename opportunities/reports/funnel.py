"""How deals pass through the stages: of those that entered one in the period, where they went."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opportunities.wording import formats

from .context import SheetContext
from .rows import ARCHIVED, ELSEWHERE, LOST, OPEN, UNCOUNTED, WON, ReportStage, Stages, StageVisit
from .sheets import COUNT, Cell, Chart, Column, Panel, Row, Series, Sheet, Table, build_table

VISIT_OUTCOMES = ("entered", "moved_on", "lost", "archived", "back", "away", "uncounted", "here")
# Always shown, so that a zero is seen as one.
USUAL = ("entered", "moved_on", "lost", "here")
# Shown only where it happened.
SELDOM = {
    "archived": "Archived", "back": "Moved back", "away": "Left Slant or view",
    "uncounted": "Lost, not counted",
}  # fmt: skip
HINT = (
    "This counts deals, each once in a stage, by what had become of them when the period ended. A move that "
    "was taken back within a day is none. Conversion is the share that moved on out of those that moved on, "
    "were lost or were archived; deals still there are left out."
)
UNCOUNTED_HINT = (
    "Lost, not counted: without a date in Slant, or reopened, deleted or handed over since. The overview "
    "does not count them either."
)
# Of fewer deals that left a stage, a share says nothing.
LEAST_LEFT = 5


@dataclass(frozen=True)
class FunnelRows:
    """`entered`: deals that entered any stage. `decided`: won and lost by stage, as the overview has them."""

    visits: Sequence[StageVisit]
    stages: Stages
    entered: int = 0
    entered_by_pipeline: Mapping[str, int] = field(default_factory=dict)
    decided: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StageFlow:
    """Deals that entered a stage, each once: `entered` is the sum of the rest."""

    stage: str
    entered: int = 0
    moved_on: int = 0
    lost: int = 0
    archived: int = 0
    back: int = 0
    away: int = 0
    uncounted: int = 0
    here: int = 0

    @property
    def ended(self) -> int:
        """Left the pipeline without being won."""
        return self.lost + self.archived

    @property
    def conversion(self) -> float | None:
        """The share that moved on, of those that moved on, were lost or were archived."""
        departed = self.moved_on + self.ended
        return self.moved_on / departed if departed else None

    def count(self, outcome: str) -> int:
        return int(getattr(self, outcome))


@dataclass(frozen=True)
class PipelineFlow:
    """A pipeline's open stages in order. `lost` is what the overview counts, whenever the deals entered."""

    id: str
    flows: tuple[StageFlow, ...]
    entered: int
    lost: int

    @property
    def lost_before(self) -> int:
        """Lost from a stage that they entered before the period, or before history began."""
        return self.lost - sum(flow.lost for flow in self.flows)


@dataclass(frozen=True)
class Funnel:
    """`entered`, `won` and `lost` are deals; won and lost are those of the overview."""

    pipelines: tuple[PipelineFlow, ...]
    entered: int
    won: int
    lost: int

    def __getitem__(self, stage: str) -> StageFlow:
        return next(flow for flow in self.flows if flow.stage == stage)

    @property
    def flows(self) -> list[StageFlow]:
        return [flow for pipeline in self.pipelines for flow in pipeline.flows]


def calculate(rows: FunnelRows) -> Funnel:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for visit in rows.visits:
        counts[visit.stage][visit_outcome(visit, rows.stages)] += visit.deals
    pipelines: dict[str, list[StageFlow]] = {}
    for stage in _open_in_order(rows.stages):
        outcomes = counts[stage.id]
        pipelines.setdefault(stage.pipeline, []).append(StageFlow(stage.id, outcomes.total(), **outcomes))
    return Funnel(
        tuple(
            PipelineFlow(
                id, tuple(flows), rows.entered_by_pipeline.get(id, 0), _count_decided(rows, LOST, id)
            )
            for id, flows in pipelines.items()
        ),
        rows.entered,
        _count_decided(rows, WON),
        _count_decided(rows, LOST),
    )


def _count_decided(rows: FunnelRows, meaning: str, pipeline: str = "") -> int:
    return sum(
        deals
        for id, deals in rows.decided.items()
        if (stage := rows.stages.get(id)) and stage.meaning == meaning and pipeline in ("", stage.pipeline)
    )


def _open_in_order(stages: Stages) -> Iterable[ReportStage]:
    return sorted(
        (stage for stage in stages.values() if stage.meaning == OPEN), key=lambda stage: stage.order
    )


def visit_outcome(visit: StageVisit, stages: Stages) -> str:
    """The name of the count of `StageFlow` this visit belongs to."""
    if not visit.then:
        return "here"
    if visit.then == UNCOUNTED:
        return "uncounted"
    if visit.then == ELSEWHERE or visit.then not in stages:
        return "away"
    then, stage = stages[visit.then], stages.get(visit.stage)
    if stage and then.pipeline != stage.pipeline:
        return "away"
    if then.meaning == LOST:
        return "lost"
    if then.meaning == ARCHIVED:
        return "archived"
    if then.meaning == OPEN and stage and then.order < stage.order:
        return "back"
    return "moved_on"


def build_sheet(rows: FunnelRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    panels = tuple(
        Panel(_flow_table(pipeline, context), _flow_chart(pipeline, context))
        for pipeline in result.pipelines
        if pipeline.entered or pipeline.lost
    )
    hints = (HINT, *context.history_hints())
    if any(flow.uncounted for flow in result.flows):
        hints = (UNCOUNTED_HINT, *hints)
    return Sheet(
        "funnel",
        write_finding(result, context),
        write_lede(result, context),
        panels,
        hints=hints,
        empty="" if panels else context.why_nothing_happened(),
    )


def write_finding(result: Funnel, context: SheetContext) -> str:
    """Deals that entered a stage since history is known, and those lost in the whole period."""
    if context.has_not_begun:
        return "No deal has entered a stage yet: the period has not begun."
    entered = formats.deals(result.entered) if result.entered else "No deal"
    lost = f"{result.lost:,} {'was' if result.lost == 1 else 'were'} lost" if result.lost else "none was lost"
    if context.known_from and context.is_before_history:
        beginning = f"History begins on {context.day(context.known_from)}, after this period"
        return f"{beginning}, so who entered a stage is not known; {lost}."
    if not context.begins_later:
        return f"{entered} entered a stage {context.period_phrase}, and {lost}."
    since = f"since {context.day(context.begins_later)}, when history begins"
    return f"{entered} entered a stage {since}; {lost} {context.period_phrase}."


def write_lede(result: Funnel, context: SheetContext) -> str:
    sentences = []
    if result.won:
        verb = "was" if result.won == 1 else "were"
        sentences.append(f"{formats.deals(result.won)} {verb} won {context.period_phrase}.")
    decided_flows = [flow for flow in result.flows if flow.ended and flow.ended + flow.moved_on >= LEAST_LEFT]
    if decided_flows:
        losing = max(decided_flows, key=lambda flow: (flow.ended / (flow.ended + flow.moved_on), flow.stage))
        name, whole = context.stages[losing.stage].name, losing.ended + losing.moved_on
        sentences.append(
            f"{name} loses the most: {losing.ended:,} of {whole:,} that left it went no further."
        )
    return " ".join(sentences)


def _flow_table(pipeline: PipelineFlow, context: SheetContext) -> Table:
    seldom = [outcome for outcome in SELDOM if any(flow.count(outcome) for flow in pipeline.flows)]
    rows = [_flow_row(flow, (*USUAL, *seldom), context) for flow in pipeline.flows]
    empty = (Cell(None),) * len(seldom)
    lost = context.links.report("overview", pipeline=pipeline.id, show="lost") if pipeline.lost else ""
    if pipeline.lost_before:
        before = (Cell(None), Cell(None), Cell(pipeline.lost_before, lost), Cell(None), *empty, Cell(None))
        rows.append(Row((Cell("Entered its stage before"), *before), tone="dim"))
    remaining = sum(flow.here for flow in pipeline.flows)
    whole = (
        Cell(pipeline.entered),
        Cell(None),
        Cell(pipeline.lost, lost),
        Cell(remaining),
        *empty,
        Cell(None),
    )
    return build_table(
        f"flows-{pipeline.id}",
        context.stages[pipeline.flows[0].stage].pipeline_name,
        (
            Column.text("Stage"),
            Column.count("Entered"),
            Column.count("Moved on"),
            Column.count("Lost"),
            Column.count("Still there"),
            *(Column.count(SELDOM[outcome]) for outcome in seldom),
            Column.percent("Conversion"),
        ),
        rows,
        foot=Row((Cell("All deals"), *whole)),
        note="Deals, each once in a stage",
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


def _flow_chart(pipeline: PipelineFlow, context: SheetContext) -> Chart | None:
    if not pipeline.entered:
        return None
    name = context.stages[pipeline.flows[0].stage].pipeline_name
    entered = formats.deals(pipeline.entered)
    on = sum(flow.moved_on for flow in pipeline.flows)
    moved = f"with {on:,} {'step' if on == 1 else 'steps'} to a later one" if on else "and none moved on"
    return Chart(
        f"{name}: {entered} entered a stage, {moved}",
        "stacked",
        COUNT,
        f"Deals that entered each stage of {name}: moved on, still there, lost. The table beside it has "
        f"every figure.",
        (Series(2, "Moved on", "2"), Series(4, "Still there", "1"), Series(3, "Lost", "lost")),
    )


def title_behind(key: str, context: SheetContext) -> str:
    outcome, _, stage = key.partition(":")
    return f"{context.stages[stage].name}: {SELDOM.get(outcome, outcome.replace('_', ' ')).lower()}"
