from collections.abc import Callable, Sequence

from opportunities.reports.owners import Owners, Side
from opportunities.reports.rows import dollars
from opportunities.reports.sheets import (
    COUNT,
    DAYS,
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


def owners(result: Owners, about: About) -> Sheet:
    people = [side for side in result.people if side.key]
    empty = (
        ""
        if result.all.open.deals or result.all.outcome.won or result.all.outcome.lost
        else words.NOTHING_OPEN
    )
    finding, lede = "There are no open deals here.", ""
    if people:
        first = people[0]
        share = first.open.weighted / result.all.open.weighted if result.all.open.weighted else 0
        finding = (
            f"{about.owner(first.key)} holds {formats.percent(share)} of the weighted pipeline, "
            f"{formats.money(dollars(first.open.weighted))}."
        )
        stale = max(people, key=lambda side: side.stale)
        if stale.stale:
            lede = f"Most stale deals: {about.owner(stale.key)}, {stale.stale:,} of {formats.deals(stale.open.deals)}."
    table = _table("people", "By person", "Person", result.people, result.all, about, about.owner, "owner")
    return Sheet(
        "owners",
        finding,
        lede,
        (
            Panel(table, _chart(result.people, about)),
            Panel(_table("books", "By book", "Book", result.books, result.all, about, _book(about), "book")),
        ),
        hints=(
            words.WEIGHTED,
            f"Won, lost, created, win rate, average and days cover {about.span(about.period)}; the rest is as of today.",
            *about.gaps(result.all.open),
        ),
        empty=empty,
    )


def _book(about: About) -> Callable[[str], str]:
    return lambda key: about.books.get(key, key)


def _table(
    id: str,
    title: str,
    first: str,
    sides: Sequence[Side],
    whole: Side,
    about: About,
    name: Callable[[str], str],
    by: str,
) -> Table:
    def row(side: Side, title: str, chosen: dict[str, object]) -> Row:
        outcome = side.outcome
        return Row(
            (
                Cell(title, about.links.report("overview", **chosen) if chosen else ""),
                Cell(side.open.deals, about.open_deals(**chosen)),
                Cell(side.open.value),
                Cell(dollars(side.open.weighted)),
                Cell(
                    outcome.won_value,
                    about.links.report("overview", **chosen, show="won") if outcome.won else "",
                ),
                Cell(
                    outcome.lost_value,
                    about.links.report("overview", **chosen, show="lost") if outcome.lost else "",
                ),
                Cell(outcome.win_rate),
                Cell(outcome.average),
                Cell(outcome.days_to_win),
                Cell(
                    side.created,
                    about.links.report("overview", **chosen, show="created") if side.created else "",
                ),
                Cell(side.stale, about.open_deals(**chosen, stale=True) if side.stale else ""),
            )
        )

    chosen = [(side, {by: side.key or ("none" if by == "owner" else "")}) for side in sides]
    return Table(
        id,
        title,
        (
            Column(first, TEXT),
            Column("Open deals", COUNT),
            Column("Open value", MONEY),
            Column("Weighted", MONEY),
            Column("Won", MONEY),
            Column("Lost", MONEY),
            Column("Win rate", PERCENT),
            Column("Average won", MONEY),
            Column("Median days to win", DAYS),
            Column("Created", COUNT),
            Column("Stale", COUNT),
        ),
        tuple(row(side, name(side.key), dict(which)) for side, which in chosen),
        row(whole, "All", {}),
    )


def _chart(sides: Sequence[Side], about: About) -> Chart | None:
    if not any(side.open.weighted or side.outcome.won_value for side in sides):
        return None
    winner = max(sides, key=lambda side: side.outcome.won_value)
    title = "No one has won anything yet"
    if winner.outcome.won_value:
        title = f"{about.owner(winner.key)} won the most: {formats.compact(winner.outcome.won_value)}"
    return Chart(
        title,
        "bars",
        MONEY,
        f"Weighted pipeline and what was won {about.within}, by person. The table below has every figure.",
        (Series(3, "Weighted", "2"), Series(4, "Won", "won")),
    )
