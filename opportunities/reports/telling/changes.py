from collections.abc import Sequence
from math import floor, log10

from opportunities.periods import Period
from opportunities.reports.changes import GONE, LOWERED, MOVED_IN, MOVED_OUT, NEW, RAISED, REOPENED, Changes
from opportunities.reports.rows import ARCHIVED, LOST, NOTHING, WON, Amount, Pile, dollars, worth
from opportunities.reports.sheets import (
    COUNT,
    MONEY,
    SIGNED,
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
from .behind import behind

# Always there, so that a zero is seen as one; the others only when something happened.
ALWAYS = (NEW, RAISED, LOWERED, WON, LOST)
ORDER = (NEW, RAISED, REOPENED, MOVED_IN, MOVED_OUT, WON, LOST, LOWERED, ARCHIVED, GONE)


def changes(result: Changes, about: About, shown: Period) -> Sheet:
    """`shown` is what of the period history knows and has begun."""
    opened = formats.day(shown.first, about.today)
    closed = "today" if shown.last >= about.today else formats.day(shown.last, about.today)
    table = _steps(result, about, opened, closed)
    panels = [Panel(table, _chart(result, opened, closed))]
    if result.largest:
        panels.append(Panel(behind(about, "Largest movements", result.largest)))
    quiet = not (result.opening.deals or result.closing.deals or any(step.deals for step in result.steps))
    hints = (*about.history(), words.MEANINGS_OF_TODAY)
    if result.unexplained:
        hints = (
            f"{formats.money(result.unexplained)} could not be explained. Please tell an administrator.",
            *hints,
        )
    return Sheet(
        "changes",
        _finding(result, opened, closed),
        _lede(result, about),
        tuple(panels),
        hints=hints,
        empty=words.NOTHING_HAPPENED if quiet else "",
    )


def _finding(result: Changes, opened: str, closed: str) -> str:
    difference = result.closing.value - result.opening.value
    when = f"from {opened} to {closed}"
    won = -result[WON].effect
    if not difference:
        return f"The open pipeline did not change {when}: {formats.money(result.closing.value)}."
    verb = "grew" if difference > 0 else "shrank"
    also = f", {'even after' if difference > 0 else 'of which'} {formats.money(won)} was won" if won else ""
    return f"The open pipeline {verb} by {formats.money(abs(difference))} {when}{also}."


def _lede(result: Changes, about: About) -> str:
    new, won, lost = result[NEW], -result[WON].effect, -result[LOST].effect
    said = []
    if about.known_from and about.known_from > about.period.first:
        said.append(words.BEGINS_LATER.format(day=about.day(about.known_from)))
    if new.deals:
        said.append(
            f"{new.deals:,} new {'deal' if new.deals == 1 else 'deals'} brought {formats.money(new.effect)}."
        )
    else:
        said.append("There were no new deals.")
    if won and lost:
        said.append(f"For every dollar won, {_per_dollar(lost / won)} lost.")
    elif lost:
        said.append(f"{formats.money(lost)} was lost.")
    lowered = -result[LOWERED].effect
    if lowered:
        said.append(f"Values were lowered by {formats.money(lowered)}.")
    return " ".join(said)


def _per_dollar(share: float) -> str:
    cents = round(share * 100)
    if cents < 100:
        return f"{cents} cent{'' if cents == 1 else 's'} {'was' if cents == 1 else 'were'}"
    return f"{share:.2f} dollars were"


def _steps(result: Changes, about: About, opened: str, closed: str) -> Table:
    rows = [_level(f"Open on {opened}", result.opening.deals, result.opening.value)]
    for key in ORDER:
        step = result[key]
        if step.deals or key in ALWAYS:
            link = about.links.show(key) if step.deals else ""
            rows.append(
                Row((Cell(words.STEPS[key], link), Cell(step.deals, link), Cell(step.effect, kind=SIGNED)))
            )
    name = "Open today" if closed == "today" else f"Open on {closed}"
    link = about.open_deals() if closed == "today" else ""
    rows.append(_level(name, result.closing.deals, result.closing.value, link))
    return Table(
        "steps",
        "The same numbers",
        (Column("Step", TEXT), Column("Deals", COUNT), Column("Value", MONEY)),
        tuple(rows),
    )


def _level(name: str, count: int, value: int, link: str = "") -> Row:
    return Row((Cell(name, link), Cell(count), Cell(value)), tone="strong", level=True)


def _chart(result: Changes, opened: str, closed: str) -> Chart | None:
    if not any(step.effect for step in result.steps):
        return None
    floor_ = _floor(result)
    sentence = (
        f"Open pipeline from {formats.compact(result.opening.value)} on {opened} to {formats.compact(result.closing.value)} "
        f"{'today' if closed == 'today' else 'on ' + closed}, as steps. The table beside it has every figure."
    )
    note = f"Axis starts at {formats.compact(floor_)}" if floor_ else ""
    return Chart(
        f"From {formats.compact(result.opening.value)} to {formats.compact(result.closing.value)}, {opened} to {closed}",
        "waterfall",
        MONEY,
        f"{sentence} {note}{'.' if note else ''}",
        (Series(2, "Open pipeline", "level"), Series(2, "Added", "up"), Series(2, "Taken out", "down")),
        floor=floor_,
        note=note,
    )


def _floor(result: Changes) -> int:
    """Cut the axis only where the steps would be slivers: to a round number under the lowest point."""
    at = lowest = highest = result.opening.value
    for key in ORDER:
        at += result[key].effect
        lowest, highest = min(lowest, at), max(highest, at)
    if lowest < 0.6 * highest or lowest <= 0:
        return 0
    size = 10 ** floor(log10(max(highest - lowest, 1)))
    return max(0, int((lowest - (highest - lowest) * 0.4) // size * size))


def board(piles: Sequence[Pile], about: About, day: str) -> Table:
    """The board as it stood: every stage with its deals."""
    held: dict[str, Amount] = {}
    for pile in piles:
        held[pile.stage] = held.get(pile.stage, NOTHING) + worth(pile, about.stages)
    rows = [
        Row(
            (
                Cell(
                    stage.name,
                    about.links.show(f"on:{stage.id}") if stage.id in held else "",
                    sub=stage.pipeline_name,
                ),
                Cell(held[stage.id].deals if stage.id in held else 0),
                Cell(held[stage.id].value if stage.id in held else 0),
                Cell(
                    dollars(held[stage.id].weighted) if stage.id in held and stage.meaning == "open" else None
                ),
            ),
            tone="" if stage.meaning == "open" else "dim",
        )
        for stage in about.stages.values()
        if stage.id in held or stage.meaning == "open"
    ]
    open_now = [
        amount for id, amount in held.items() if id not in about.stages or about.stages[id].meaning == "open"
    ]
    return Table(
        "board",
        f"The board as of {day}",
        (Column("Stage", TEXT), Column("Deals", COUNT), Column("Value", MONEY), Column("Weighted", MONEY)),
        tuple(rows),
        Row(
            (
                Cell("Open"),
                Cell(sum(each.deals for each in open_now)),
                Cell(sum(each.value for each in open_now)),
                Cell(dollars(sum(each.weighted for each in open_now))),
            )
        ),
        note="At the end of that day",
    )
