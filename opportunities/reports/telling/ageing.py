from opportunities.reports.ageing import Ageing, PipelineAge
from opportunities.reports.sheets import (
    COUNT,
    DAYS,
    MONEY,
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
from opportunities.wording import reports as words

from .about import About
from .behind import today


def ageing(result: Ageing, about: About) -> Sheet:
    if not result.stuck:
        finding = (
            f"Nothing is stuck: {formats.deals(result.deals)}, none of them over the limit."
            if result.deals
            else "There are no open deals here."
        )
    else:
        finding = (
            f"{result.stuck:,} of {formats.deals(result.deals)} {'is' if result.stuck == 1 else 'are'} stuck, "
            f"{formats.money(result.stuck_value)} in total."
        )
    owners = dict.fromkeys(line.owner_name or about.owner(line.owner) for line in result.lines[:5])
    lede = (
        f"The five that have waited longest belong to {formats.and_list(list(owners))}."
        if len(result.lines) >= 5
        else ""
    )
    stuck = today(
        about, "stuck", "Stuck deals, longest over their limit first", result.lines,
        note=f"The first {len(result.lines)} of {result.stuck:,}" if result.stuck > len(result.lines) else "",
    )  # fmt: skip
    panels = [Panel(stuck)] if result.lines else []
    panels += [Panel(_stages(each, about), _chart(each)) for each in result.pipelines if each.deals]
    hints = (
        "A deal is stuck when it has been in its stage longer than the stage's limit, set by managers. "
        "The median and the 90th percentile are those of the deals in the stage now; they decide nothing.",
    )
    return Sheet(
        "ageing", finding, lede, tuple(panels), hints=hints, empty="" if result.deals else words.NOTHING_OPEN
    )


def _stages(each: PipelineAge, about: About) -> Table:
    rows = tuple(
        Row(
            (
                Cell(age.stage.name, about.links.deals(stage=[age.stage.id])),
                Cell(age.deals),
                Cell(age.median),
                Cell(age.p90),
                Cell(age.stage.limit),
                Cell(age.stuck, about.links.deals(stage=[age.stage.id], stale=True) if age.stuck else ""),
                Cell(age.stuck_value),
            )
        )
        for age in each.stages
    )
    return Table(
        f"stages-{each.pipeline}",
        each.name,
        (
            Column("Stage", TEXT),
            Column("Deals", COUNT),
            Column("Median days", DAYS),
            Column("9 in 10 within", DAYS),
            Column("Limit", DAYS),
            Column("Stuck", COUNT),
            Column("Stuck value", MONEY),
        ),
        rows,
        Row(
            (
                Cell("Whole pipeline"),
                Cell(each.deals),
                Cell(each.median),
                Cell(each.p90),
                Cell(None),
                Cell(sum(age.stuck for age in each.stages)),
                Cell(sum(age.stuck_value for age in each.stages)),
            )
        ),
    )


def _chart(each: PipelineAge) -> Chart:
    slowest = max((age for age in each.stages if age.median is not None), key=lambda age: age.median or 0)
    return Chart(
        f"{each.name}: {slowest.stage.name} takes longest, a median of {formats.days(round(slowest.median or 0))}",
        "bars",
        DAYS,
        f"Days in stage by stage of {each.name}: the median, what 9 in 10 deals stay within, and the limit. "
        "The table beside it has every figure.",
        (Series(2, "Median", "3"), Series(3, "9 in 10 within", "2"), Series(4, "Limit", "4")),
    )
