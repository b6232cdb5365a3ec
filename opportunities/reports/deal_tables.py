"""Tables of deals, one a line."""

from collections.abc import Sequence

from opportunities.wording import formats
from opportunities.wording import reports as words

from .context import SheetContext
from .rows import DealLine
from .sheets import DAY, MOMENT, SIGNED, Cell, Column, Row, Table, build_table

BEHIND_COLUMNS = (
    Column.text("Deal"),
    Column.text("Household"),
    Column.text("What happened"),
    Column("Effect", SIGNED),
    Column.text("Owner"),
    Column("When", MOMENT),
)
OPEN_COLUMNS = (
    Column.text("Deal"),
    Column.text("Household"),
    Column.text("Stage"),
    Column.count("Days in stage"),
    Column.count("Limit"),
    Column.money("Value"),
    Column("Close", DAY),
    Column.text("Owner"),
)


def deals_behind(
    title: str, lines: Sequence[DealLine], context: SheetContext, *, whole: int | None = None
) -> Table:
    """What each deal adds to a number. `whole` is how many there are when not all are listed."""
    is_cut = whole is not None and whole > len(lines)
    return build_table(
        "behind",
        title,
        BEHIND_COLUMNS,
        (_row_behind(line, context) for line in lines),
        note=f"The {len(lines):,} largest of {whole:,}" if is_cut else formats.deals(len(lines)),
        empty="No deals are behind this number.",
    )


def _row_behind(line: DealLine, context: SheetContext) -> Row:
    return Row(
        (
            Cell(line.name, context.links.deal(line.id)),
            Cell(line.household),
            Cell(words.STEP_ONE.get(line.what, line.what or line.stage)),
            Cell(line.effect),
            Cell(line.owner_name or context.owner_name(line.owner)),
            Cell(line.at),
        ),
        deal=line.id,
    )


def open_deals(
    id: str,
    title: str,
    lines: Sequence[DealLine],
    context: SheetContext,
    *,
    note: str = "",
    bulk: str = "",
) -> Table:
    """Deals as they are now."""
    return build_table(
        id,
        title,
        OPEN_COLUMNS,
        (_row_of_today(line, context) for line in lines),
        note=note,
        empty="No deals here.",
        bulk=bulk,
    )


def _row_of_today(line: DealLine, context: SheetContext) -> Row:
    return Row(
        (
            Cell(line.name, context.links.deal(line.id)),
            Cell(line.household),
            Cell(line.stage),
            Cell(line.days),
            Cell(line.limit),
            Cell(line.value),
            Cell(line.close),
            Cell(line.owner_name or context.owner_name(line.owner)),
        ),
        deal=line.id,
    )
