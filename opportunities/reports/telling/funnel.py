from opportunities.reports.funnel import Funnel, StageFlow
from opportunities.reports.sheets import (
    COUNT,
    PERCENT,
    TEXT,
    Cell,
    Chart,
    Column,
    Panel,
    Row,
    Series,
    Sheet,
    Table,
)
from opportunities.wording import formats

from .about import About


def funnel(result: Funnel, about: About) -> Sheet:
    flows = [flow for _, pipeline in result.pipelines for flow in pipeline]
    entered = sum(flow.entered for flow in flows)
    losing = max(flows, key=lambda flow: (flow.lost + flow.archived, flow.stage), default=None)
    finding = f"{formats.deals(entered).capitalize()} entered a stage {about.within}, and none were lost."
    if losing and losing.lost + losing.archived:
        ended = losing.lost + losing.archived
        finding = (
            f"{about.stages[losing.stage].name} loses the most: {ended:,} of {formats.deals(ended + losing.moved_on)} that left "
            f"it {about.within} went no further."
        )
    lede = f"{formats.deals(result.won).capitalize()} reached a won stage."
    panels = tuple(
        Panel(_table(pipeline, flows, about), _chart(flows, about))
        for pipeline, flows in result.pipelines
        if any(flow.entered for flow in flows)
    )
    hints = (
        "This counts stays in a stage that began in the period, by what had become of them when it ended. Conversion is "
        "the share that moved on out of those that moved on, were lost or were archived; deals still there are left out.",
        *about.history(),
    )
    return Sheet(
        "funnel", finding, lede, panels, hints=hints, empty="" if entered else about.nothing_happened()
    )


# What is shown only where it happened; the others always, so that a zero is seen as one.
SELDOM = {"archived": "Archived", "back": "Moved back", "away": "Left Slant or view"}


def _table(pipeline: str, flows: tuple[StageFlow, ...], about: About) -> Table:
    def cell(flow: StageFlow, fate: str) -> Cell:
        count = getattr(flow, fate)
        return Cell(count, about.links.show(f"{fate}:{flow.stage}") if count else "")

    seldom = [fate for fate in SELDOM if any(getattr(flow, fate) for flow in flows)]
    rows = tuple(
        Row(
            (
                Cell(
                    about.stages[flow.stage].name,
                    about.links.show(f"entered:{flow.stage}") if flow.entered else "",
                ),
                *(cell(flow, fate) for fate in ("entered", "moved_on", "lost", "here", *seldom)),
                Cell(flow.conversion),
            )
        )
        for flow in flows
    )
    return Table(
        f"flows-{pipeline}",
        about.stages[flows[0].stage].pipeline_name,
        (
            Column("Stage", TEXT),
            Column("Entered", COUNT),
            Column("Moved on", COUNT),
            Column("Lost", COUNT),
            Column("Still there", COUNT),
            *(Column(SELDOM[fate], COUNT) for fate in seldom),
            Column("Conversion", PERCENT),
        ),
        rows,
    )


def _chart(flows: tuple[StageFlow, ...], about: About) -> Chart:
    name = about.stages[flows[0].stage].pipeline_name
    entered, moved = sum(flow.entered for flow in flows), sum(flow.moved_on for flow in flows)
    return Chart(
        f"{name}: {moved:,} of {entered:,} entries into a stage led to a later one",
        "stacked",
        COUNT,
        f"Deals that entered each stage of {name}: moved on, still there, lost. The table beside it has every figure.",
        (Series(2, "Moved on", "2"), Series(4, "Still there", "1"), Series(3, "Lost", "lost")),
    )
