"""Targets on the sheet of the forecast: like is compared with like, in one quarter."""

from opportunities.reports.context import SheetContext
from opportunities.reports.sheets import Cell, Column, Row, Table, build_table
from opportunities.wording import formats
from opportunities.wording import reports as words

from .numbers import Forecast, TargetForecast

TARGET_COLUMNS = (
    Column.text("Owner"),
    Column.text("Quarter"),
    Column.money("Target"),
    Column.money("Won so far"),
    Column.percent("Target reached"),
    Column.money("Open and due"),
    Column.percent("Coverage"),
)


def write_target(target: TargetForecast | None, context: SheetContext) -> str:
    """The target of a quarter beside what the same people won in the same quarter."""
    if target is None or not target.target:
        return ""
    rest = target.target - target.won
    won = formats.money(target.won)
    if target.quarter.last < context.today:
        end = "so it was reached" if rest <= 0 else f"{formats.money(rest)} less"
        return f"The target was {formats.money(target.target)}; those who had one won {won}, {end}."
    sentence = f"The target is {formats.money(target.target)}; those who have one won {won}"
    if rest <= 0:
        return f"{sentence}, so it has been reached."
    sentence += f", and {formats.money(rest)} is still to be won."
    if not target.open:
        return f"{sentence} Nothing of theirs is due."
    coverage = f"cover that {target.coverage or 0:.1f} times"
    return f"{sentence} Their deals due, {formats.money(target.open)}, {coverage}."


def target_table(result: Forecast, context: SheetContext) -> Table:
    """Each person's target beside what is theirs in that quarter, past quarters too."""
    rows = []
    for quarter in result.quarters:
        people = [target for target in result.targets if target.quarter == quarter.period]
        rows += [_target_row(target, context) for target in people]
        if quarter.target and len(people) > 1:
            rows.append(_target_row(quarter.target, context))
    return build_table("targets", "Targets", TARGET_COLUMNS, rows, note=words.TARGETS_NOTE)


def _target_row(target: TargetForecast, context: SheetContext) -> Row:
    days = {"from": target.quarter.first, "to": target.quarter.last}
    link = context.links.report("overview", owner=target.owner, **days, show="won") if target.owner else ""
    name = context.owner_name(target.owner) if target.owner else "Together"
    is_over = target.quarter.last < context.today
    return Row(
        (
            Cell(name),
            Cell(words.quarter(target.quarter.first, context.year_starts)),
            Cell(target.target),
            Cell(target.won, link if target.won else ""),
            Cell(target.reached),
            Cell(None if is_over else target.open),
            Cell(None if is_over else target.coverage),
        ),
        tone="" if target.owner else "strong",
    )
