from collections.abc import Sequence

from opportunities.periods import Period
from opportunities.reports.overview import (
    AVERAGE,
    CREATED,
    DAYS_TO_WIN,
    LOST_VALUE,
    OPEN_VALUE,
    WEIGHTED,
    WIN_RATE,
    WON_VALUE,
    Measure,
    Overview,
)
from opportunities.reports.rows import Lost
from opportunities.reports.sheets import (
    CHANGE,
    COUNT,
    DAYS,
    MONEY,
    PERCENT,
    TEXT,
    Cell,
    Column,
    Panel,
    Row,
    Sheet,
    Table,
    Tile,
)
from opportunities.wording import formats
from opportunities.wording import reports as words

from .about import About

KINDS = {
    OPEN_VALUE: MONEY, WEIGHTED: MONEY, WON_VALUE: MONEY, LOST_VALUE: MONEY, CREATED: COUNT, WIN_RATE: PERCENT,
    AVERAGE: MONEY, DAYS_TO_WIN: DAYS,
}  # fmt: skip
# What may rise without anybody being glad.
LESS_IS_BETTER = (LOST_VALUE, DAYS_TO_WIN)


def overview(result: Overview, about: About, now: Period, before: Period) -> Sheet:
    won, lost, rate = result[WON_VALUE], result[LOST_VALUE], result[WIN_RATE]
    held = result.open_now
    ended = now.last < about.today
    empty = words.NOTHING_OPEN if not (held.deals or won.deals or lost.deals or result[CREATED].deals) else ""
    finding = f"{formats.money(int(won.now or 0))} was won {about.within}"
    finding += f", {_compared(won)}." if won.before else "."
    lede = f"{formats.deals(held.deals)} worth {formats.money(held.value)} {_verb(held.deals, ended)} open"
    lede += f"; weighted, {formats.money(int(result[WEIGHTED].now or 0))}."
    if rate.now is not None:
        lede += f" Of {formats.deals(rate.deals)} decided, {formats.percent(rate.now)} were won."
    return Sheet(
        "overview",
        finding,
        lede,
        (Panel(_table(result.measures, about, now, before)), *_why_lost(result.reasons, about)),
        tuple(_tile(each, about, now) for each in result.measures),
        (words.WEIGHTED, *about.gaps(held), *about.history(), *_found_closed(about, before)),
        empty,
    )


def _verb(count: int, ended: bool) -> str:
    if count == 1:
        return "was" if ended else "is"
    return "were" if ended else "are"


def _found_closed(about: About, before: Period) -> tuple[str, ...]:
    if about.known_from is None or about.known_from <= before.first:
        return ()
    return (words.FOUND_CLOSED.format(day=about.day(about.known_from)),)


def _compared(measure: Measure) -> str:
    change = measure.change
    if change is None or round(change, 2) == 0:
        return "the same as in the period before"
    return f"{formats.percent(abs(change))} {'more' if change > 0 else 'less'} than in the period before"


def _table(measures: Sequence[Measure], about: About, now: Period, before: Period) -> Table:
    rows = []
    for each in measures:
        kind, link = KINDS[each.key], _link(each, about, now)
        rows.append(
            Row(
                (
                    Cell(words.OVERVIEW[each.key], link),
                    Cell(each.deals, link),
                    Cell(each.now, kind=kind),
                    Cell(each.before, kind=kind),
                    Cell(each.change),
                )
            )
        )
    return Table(
        "measures",
        "The same numbers",
        (
            Column("Measure", TEXT),
            Column("Deals", COUNT),
            Column(about.span(now), MONEY),
            Column(about.span(before), MONEY),
            Column("Change", CHANGE),
        ),
        tuple(rows),
        note=f"Against {about.span(before)}; open and weighted against the start of {about.span(now)}",
    )


def _why_lost(reasons: Sequence[Lost], about: About) -> tuple[Panel, ...]:
    if not reasons:
        return ()
    whole, value = sum(each.deals for each in reasons), sum(each.value for each in reasons)
    link = about.links.show("lost")
    rows = tuple(
        Row(
            (
                Cell(each.reason or words.NO_REASON),
                Cell(each.deals),
                Cell(each.deals / whole),
                Cell(each.value),
            ),
            tone="" if each.reason else "dim",
        )
        for each in reasons
    )
    return (
        Panel(
            Table(
                "reasons",
                "Why deals were lost",
                (
                    Column("Reason", TEXT),
                    Column("Deals", COUNT),
                    Column("Share", PERCENT),
                    Column("Value", MONEY),
                ),
                rows,
                foot=Row((Cell("All"), Cell(whole, link), Cell(1.0), Cell(value))),
                note=words.REASONS_NOTE,
            )
        ),
    )


def _tile(measure: Measure, about: About, now: Period) -> Tile:
    change, tone = measure.change, ""
    if change is not None and round(change, 3):
        better = (change > 0) != (measure.key in LESS_IS_BETTER)
        tone = "good" if better else "warn"
    kind = KINDS[measure.key]
    shown = words.said(measure.now, kind, about.today) or "None yet"
    if kind == MONEY and measure.now is not None:
        shown = formats.compact(measure.now)
    before = ""
    if measure.before is not None:
        before = (
            formats.compact(measure.before)
            if kind == MONEY
            else words.said(measure.before, kind, about.today)
        )
    arrow = "" if change is None else formats.signed_percent(change)
    known = [value for value in measure.trail if value is not None]
    top = max(known, default=0)
    points: tuple[float | None, ...] = ()
    if top and len(known) > 1:
        points = tuple(None if value is None else value / top for value in measure.trail)
    return Tile(
        words.OVERVIEW[measure.key],
        shown,
        before,
        arrow,
        tone,
        _link(measure, about, now),
        points,
        formats.deals(measure.deals),
    )


def _link(measure: Measure, about: About, now: Period) -> str:
    if measure.key in (OPEN_VALUE, WEIGHTED):
        return about.open_deals() if now.last >= about.today else about.links.report("changes", day=now.last)
    if measure.key == CREATED:
        return about.links.show("created")
    if measure.key == WIN_RATE:
        return about.links.show("decided")
    return about.links.show("lost" if measure.key == LOST_VALUE else "won")
