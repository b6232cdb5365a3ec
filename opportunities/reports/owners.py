"""The same measures side by side: per person, and per book."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from opportunities.wording import formats
from opportunities.wording import reports as words

from .context import SheetContext
from .overview import PeriodOutcome, add_closings
from .rows import Amount, Closing, Creation, StageCount, Stages, add_amounts, to_dollars, weigh
from .sheets import MONEY, Cell, Chart, Column, Panel, Row, Series, Sheet, Table, build_table

COLUMNS = (
    Column.count("Open deals"),
    Column.money("Open value"),
    Column.money("Weighted"),
    Column.money("Won"),
    Column.money("Lost"),
    Column.percent("Win rate"),
    Column.money("Average won"),
    Column.days("Median days to win"),
    Column.count("Created"),
    Column.count("Stale"),
)


@dataclass(frozen=True)
class OwnersRows:
    """`held`: open deals only, with the number of stale ones."""

    held: Sequence[StageCount]
    closings: Sequence[Closing]
    creations: Sequence[Creation]
    stages: Stages


@dataclass(frozen=True)
class Side:
    """One person's, or one book's, measures. `key` is empty for deals without an owner, and for all deals."""

    key: str
    open: Amount
    outcome: PeriodOutcome
    created: int
    stale: int


@dataclass(frozen=True)
class Owners:
    people: tuple[Side, ...]
    books: tuple[Side, ...]
    all: Side

    @property
    def is_empty(self) -> bool:
        return not (self.all.open.deals or self.all.outcome.decided)


def calculate(rows: OwnersRows) -> Owners:
    return Owners(_sides(rows, "owner"), _sides(rows, "book"), _side("", rows))


def _sides(rows: OwnersRows, by: str) -> tuple[Side, ...]:
    key_of = attrgetter(by)
    keys = {key_of(row) for part in (rows.held, rows.closings, rows.creations) for row in part}
    sides = [
        _side(
            key,
            OwnersRows(
                [row for row in rows.held if key_of(row) == key],
                [row for row in rows.closings if key_of(row) == key],
                [row for row in rows.creations if key_of(row) == key],
                rows.stages,
            ),
        )
        for key in keys
    ]
    return tuple(sorted(sides, key=lambda side: (-side.open.weighted, -side.open.value, side.key)))


def _side(key: str, rows: OwnersRows) -> Side:
    return Side(
        key,
        add_amounts(weigh(count, rows.stages) for count in rows.held),
        add_closings(rows.closings),
        sum(row.deals for row in rows.creations),
        sum(count.stale for count in rows.held),
    )


def build_sheet(rows: OwnersRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    people = [side for side in result.people if side.key]
    by_person = _side_table("people", "person", result.people, result.all, context)
    by_book = _side_table("books", "book", result.books, result.all, context)
    return Sheet(
        "owners",
        write_finding(people, result.all, context),
        write_lede(people, context),
        (Panel(by_person, _won_chart(result.people, context)), Panel(by_book)),
        hints=(
            words.WEIGHTED,
            f"Won, lost, created, win rate, average and days cover {context.span(context.period)}; "
            "the rest is as of today.",
            words.CLOSED_NOW,
            *context.gap_hints(result.all.open),
        ),
        empty=words.NOTHING_OPEN if result.is_empty else "",
    )


def write_finding(people: Sequence[Side], whole: Side, context: SheetContext) -> str:
    holders = [side for side in people if side.open.deals]
    if not holders:
        if whole.open.deals:
            return f"No one owns the open deals here: {formats.deals(whole.open.deals)}."
        return "There are no open deals here."
    first, is_alone = holders[0], len(holders) == 1 and holders[0].open.deals == whole.open.deals
    name = context.owner_name(first.key)
    if not whole.open.weighted:
        most = max(holders, key=lambda side: side.open.deals)
        held, verb = most.open.deals, "is" if most.open.deals == 1 else "are"
        share = f"{words.of_deals(held, whole.open.deals)} {verb} with {context.owner_name(most.key)}"
        return f"{share}, and none can be weighted yet."
    weighted = formats.money(to_dollars(first.open.weighted))
    if is_alone:
        return f"The whole weighted pipeline, {weighted}, is with {name}."
    share = formats.percent(first.open.weighted / whole.open.weighted)
    return f"{name} holds {share} of the weighted pipeline, {weighted}."


def write_lede(people: Sequence[Side], context: SheetContext) -> str:
    most = max(people, key=lambda side: side.stale, default=None)
    if most is None or not most.stale:
        return ""
    deals = formats.deals(most.open.deals)
    if most.stale == most.open.deals:
        return f"Most stale deals: {context.owner_name(most.key)}, {'all ' if most.stale > 1 else ''}{deals}."
    return f"Most stale deals: {context.owner_name(most.key)}, {most.stale:,} of {deals}."


def _side_table(id: str, noun: str, sides: Sequence[Side], whole: Side, context: SheetContext) -> Table:
    return build_table(
        id,
        f"By {noun}",
        (Column.text(noun.capitalize()), *COLUMNS),
        (_row_of(noun, side, context) for side in sides),
        foot=_side_row(whole, "All", {}, context),
    )


def _row_of(noun: str, side: Side, context: SheetContext) -> Row:
    if noun == "person":
        return _side_row(side, context.owner_name(side.key), {"owner": side.key or "none"}, context)
    return _side_row(side, context.books.get(side.key, side.key), {"book": side.key}, context)


def _side_row(side: Side, name: str, selection: dict[str, object], context: SheetContext) -> Row:
    outcome = side.outcome

    def show(key: str, deals: int) -> str:
        return context.links.report("overview", **selection, show=key) if deals else ""

    stale = context.link_open_deals(**selection, stale=True) if side.stale else ""
    return Row(
        (
            Cell(name, context.links.report("overview", **selection) if selection else ""),
            Cell(side.open.deals, context.link_open_deals(**selection)),
            Cell(side.open.value),
            Cell(to_dollars(side.open.weighted)),
            Cell(outcome.won_value, show("won", outcome.won)),
            Cell(outcome.lost_value, show("lost", outcome.lost)),
            Cell(outcome.win_rate),
            Cell(outcome.average, sub=words.of_valued(outcome.valued_won, outcome.valueless_won)),
            Cell(outcome.days_to_win),
            Cell(side.created, show("created", side.created)),
            Cell(side.stale, stale),
        )
    )


def _won_chart(sides: Sequence[Side], context: SheetContext) -> Chart | None:
    if not any(side.open.weighted or side.outcome.won_value for side in sides):
        return None
    winner = max(sides, key=lambda side: side.outcome.won_value)
    title = "Weighted pipeline by person"
    if winner.outcome.won_value:
        won = formats.compact(winner.outcome.won_value)
        title = f"{context.owner_name(winner.key)} won the most: {won}"
    return Chart(
        title,
        "bars",
        MONEY,
        f"Weighted pipeline and what was won {context.period_phrase}, by person. "
        "The table below has every figure.",
        (Series(3, "Weighted", "2"), Series(4, "Won", "won")),
    )
