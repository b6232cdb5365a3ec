"""The sheet of the overview."""

from collections.abc import Sequence

from opportunities.periods import Period
from opportunities.reports.context import SheetContext
from opportunities.reports.rows import LossCount
from opportunities.reports.sheets import (
    CHANGE,
    COUNT,
    DAYS,
    MONEY,
    PERCENT,
    POINTS,
    Cell,
    Column,
    Panel,
    Row,
    Sheet,
    Table,
    Tile,
    build_table,
)
from opportunities.wording import formats
from opportunities.wording import reports as words

from .numbers import (
    AVERAGE,
    CREATED,
    DAYS_TO_WIN,
    LEAST_BASE,
    LOST_VALUE,
    OPEN_VALUE,
    WEIGHTED,
    WIN_RATE,
    WON_VALUE,
    Measure,
    Overview,
    OverviewRows,
    calculate,
)

KINDS = {
    OPEN_VALUE: MONEY, WEIGHTED: MONEY, WON_VALUE: MONEY, LOST_VALUE: MONEY, CREATED: COUNT,
    WIN_RATE: PERCENT, AVERAGE: MONEY, DAYS_TO_WIN: DAYS,
}  # fmt: skip
# Measures for which a rise is bad.
LESS_IS_BETTER = (LOST_VALUE, DAYS_TO_WIN)
REASON_COLUMNS = (
    Column.text("Reason"), Column.count("Deals"), Column.percent("Share"), Column.money("Value"),
)  # fmt: skip
# The deals behind a measure, where they are not those that were won.
SHOWN_BEHIND = {CREATED: "created", WIN_RATE: "decided", LOST_VALUE: "lost"}


def build_sheet(rows: OverviewRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    return Sheet(
        "overview",
        write_finding(result, context),
        write_lede(result, rows, context),
        (Panel(_measure_table(result, rows, context)), *_reason_panels(result.reasons, context)),
        tuple(_tile(measure, rows.now, context) for measure in result.measures),
        (
            words.WEIGHTED,
            *context.gap_hints(result.open_now),
            *context.history_hints(compares=rows.knows_open),
            words.CLOSED_NOW,
        ),
        words.NOTHING_OPEN if result.is_empty else "",
    )


def write_finding(result: Overview, context: SheetContext) -> str:
    won, when = result[WON_VALUE], context.period_phrase
    if context.has_not_begun:
        return f"{when[:1].upper()}{when[1:]} has not begun, so nothing has been won in it."
    if not won.deals:
        return f"Nothing was won {when}."
    if not won.now:
        verb = "was" if won.deals == 1 else "were"
        return f"{formats.deals(won.deals)} {verb} won {when}, without a value."
    finding = f"{formats.money(int(won.now))} was won {when}"
    change = won.change
    if change is None:
        return f"{finding}."
    if round(change, 2) == 0:
        return f"{finding}, the same as in the period before."
    more = "more" if change > 0 else "less"
    return f"{finding}, {formats.percent(abs(change))} {more} than in the period before."


def write_lede(result: Overview, rows: OverviewRows, context: SheetContext) -> str:
    if rows.knows_open:
        lede = _open_sentence(result, context)
    elif context.known_from:
        lede = words.OPEN_UNKNOWN.format(day=context.day(context.known_from))
    else:
        lede = words.NO_HISTORY
    return f"{lede} {_decided_sentence(result)}".strip()


def _open_sentence(result: Overview, context: SheetContext) -> str:
    held = result.open_now
    is_one, at_end = held.deals == 1, " at its end" if context.is_over else ""
    verb = ("was" if is_one else "were") if context.is_over else ("is" if is_one else "are")
    if not held.deals:
        return f"No deal {'was' if context.is_over else 'is'} open{at_end}."
    if held.valueless == held.deals:
        return f"{formats.deals(held.deals)} {verb} open{at_end}, without a value yet."
    weighted = formats.money(int(result[WEIGHTED].now or 0))
    deals, value = formats.deals(held.deals), formats.money(held.value)
    return f"{deals} worth {value} {verb} open{at_end}; weighted, {weighted}."


def _decided_sentence(result: Overview) -> str:
    """The win rate, or the two counts where a share of so few would say nothing."""
    rate, won = result[WIN_RATE], result[WON_VALUE].deals
    if rate.now is None:
        return ""
    if rate.deals == 1:
        return f"One deal was decided: {'won' if won else 'lost'}."
    if rate.deals < LEAST_BASE:
        number_won = "all" if won == rate.deals else f"{won}" if won else "none"
        return f"Of {rate.deals} deals decided, {number_won} {'was' if won == 1 else 'were'} won."
    return f"Of {formats.deals(rate.deals)} decided, {formats.percent(rate.now)} were won."


def _measure_table(result: Overview, rows: OverviewRows, context: SheetContext) -> Table:
    now, before = context.span(rows.now), context.span(rows.before)
    return build_table(
        "measures",
        "The measures",
        (
            Column.text("Measure"),
            Column.count("Deals"),
            Column.money(now),
            Column.money(before),
            Column("Change", CHANGE),
        ),
        (_measure_row(measure, rows.now, context) for measure in result.measures),
        note=f"Against {before}; open and weighted against the start of {now}",
    )


def _measure_row(measure: Measure, now: Period, context: SheetContext) -> Row:
    kind, link = KINDS[measure.key], _link(measure, now, context)
    is_rate = measure.key == WIN_RATE and measure.change is not None
    return Row(
        (
            Cell(words.OVERVIEW[measure.key], link),
            Cell(measure.deals, link),
            Cell(measure.now, kind=kind),
            Cell(measure.before, kind=kind),
            Cell(words.points(measure.change), kind=POINTS) if is_rate else Cell(measure.change),
        )
    )


def _reason_panels(reasons: Sequence[LossCount], context: SheetContext) -> tuple[Panel, ...]:
    if not reasons:
        return ()
    whole, value = sum(row.deals for row in reasons), sum(row.value for row in reasons)
    rows = (
        Row(
            (Cell(row.reason or words.NO_REASON), Cell(row.deals), Cell(row.deals / whole), Cell(row.value)),
            tone="" if row.reason else "dim",
        )
        for row in reasons
    )
    foot = Row((Cell("All"), Cell(whole, context.links.show("lost")), Cell(1.0), Cell(value)))
    table = build_table(
        "reasons", "Why deals were lost", REASON_COLUMNS, rows, foot=foot, note=words.REASONS_NOTE
    )
    return (Panel(table),)


def _tile(measure: Measure, now: Period, context: SheetContext) -> Tile:
    change, kind = measure.change, KINDS[measure.key]
    return Tile(
        words.OVERVIEW[measure.key],
        _figure(measure.now, kind, context) or _no_figure(measure),
        _figure(measure.before, kind, context),
        words.points(change) if measure.key == WIN_RATE else words.change(change),
        _tone(measure),
        _link(measure, now, context),
        _spark_points(measure.trend),
        formats.deals(measure.deals),
    )


def _no_figure(measure: Measure) -> str:
    return "Not known" if measure.key in (OPEN_VALUE, WEIGHTED) else "None yet"


def _figure(value: float | int | None, kind: str, context: SheetContext) -> str:
    """As short as a tile needs it."""
    if kind == MONEY and value is not None:
        return formats.compact(value)
    return words.cell_text(value, kind, context.today)


def _tone(measure: Measure) -> str:
    if measure.change is None or not round(measure.change, 3):
        return ""
    is_better = (measure.change > 0) != (measure.key in LESS_IS_BETTER)
    return "good" if is_better else "warn"


def _spark_points(trend: Sequence[float | None]) -> tuple[float | None, ...]:
    """Each value as a share of the highest; none where one value or none is known."""
    values = [value for value in trend if value is not None]
    top = max(values, default=0)
    if not top or len(values) < 2:
        return ()
    return tuple(None if value is None else value / top for value in trend)


def _link(measure: Measure, now: Period, context: SheetContext) -> str:
    if measure.key in (OPEN_VALUE, WEIGHTED):
        if now.last >= context.today:
            return context.link_open_deals()
        return context.links.report("changes", day=now.last)
    return context.links.show(SHOWN_BEHIND.get(measure.key, "won"))


def title_behind(key: str, context: SheetContext) -> str:
    return {
        "decided": "Won and lost",
        "created": "Deals created",
        "undated": "Won or lost without a date",
    }.get(key) or words.STEPS[key]
