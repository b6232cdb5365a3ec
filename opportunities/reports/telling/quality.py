from dataclasses import replace

from opportunities.reports.quality import LEFT, NO_DATE, NO_MOVE, NO_VALUE, PASSED, Found, Quality
from opportunities.reports.sheets import (
    COUNT,
    MONEY,
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
from opportunities.wording import reports as words

from .about import About
from .behind import today

# What the list of deals can be filtered by itself.
LISTED: dict[str, dict[str, object]] = {
    PASSED: {"close": "overdue"},
    NO_VALUE: {"missing": "value"},
    NO_DATE: {"missing": "date"},
    NO_MOVE: {"stale": True},
}


def quality(result: Quality, about: About) -> Sheet:
    bad = result.open - result.clean
    if not result.open:
        finding = "There are no open deals here."
    elif not bad:
        finding = f"Nothing is missing or out of date: {formats.deals(result.open)} checked."
    else:
        finding = f"{bad:,} of {formats.deals(result.open)} {'needs' if bad == 1 else 'need'} attention."
    left = result[LEFT]
    lede = (
        f"{formats.deals(left.deals)} {'belongs' if left.deals == 1 else 'belong'} to someone who left the book."
        if left.deals
        else ""
    )
    if bad and not lede:
        most = max(result.found, key=lambda found: found.deals)
        lede = f"Most often: {words.PROBLEMS[most.key].lower()}, {formats.deals(most.deals)}."
    rows = tuple(
        Row(
            (
                Cell(words.PROBLEMS[found.key], _link(found, about)),
                Cell(found.deals, _link(found, about)),
                Cell(found.deals / result.open if result.open else None),
                Cell(found.value),
            )
        )
        for found in result.found
    )
    counted = Table(
        "problems",
        "The same numbers",
        (
            Column("Problem", TEXT),
            Column("Deals", COUNT),
            Column("Of open deals", PERCENT),
            Column("Value", MONEY),
        ),
        rows,
        Row(
            (
                Cell("Deals needing attention"),
                Cell(bad),
                Cell(bad / result.open if result.open else None),
                Cell(None),
            )
        ),
        note="A deal can have several",
    )
    commonest = max(result.found, key=lambda found: found.deals)
    chart = Chart(
        f"{words.PROBLEMS[commonest.key]} is the most common: {formats.deals(commonest.deals)}", "bars", COUNT,
        "Open deals by kind of problem. The table beside it has every figure.", (Series(1, "Deals", "4"),),
    ) if bad else None  # fmt: skip
    panels = [Panel(counted, chart)]
    panels += [Panel(_lines(found, about)) for found in result.found if found.lines]
    return Sheet(
        "data-quality",
        finding,
        lede,
        tuple(panels),
        hints=(
            "Open a deal to fix it. People who left a book can no longer work on its deals: reassign them.",
        ),
        empty="" if result.open else words.NOTHING_OPEN,
    )


def _link(found: Found, about: About) -> str:
    if not found.deals:
        return ""
    chosen = LISTED.get(found.key)
    return (about.open_deals(**chosen) if chosen else "") or about.links.show(found.key)


def _lines(found: Found, about: About) -> Table:
    note = words.first_of(len(found.lines), found.deals)
    table = today(about, f"problem-{found.key}", words.PROBLEMS[found.key], found.lines, note)
    return replace(table, bulk=words.GIVE_AWAY if found.key == LEFT else "")
