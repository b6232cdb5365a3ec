"""The deals behind a number, one a line."""

from collections.abc import Sequence

from opportunities.reports.rows import Line
from opportunities.reports.sheets import COUNT, DAY, MOMENT, MONEY, SIGNED, TEXT, Cell, Column, Row, Table
from opportunities.wording import formats
from opportunities.wording import reports as words

from .about import About


def behind(
    about: About, title: str, lines: Sequence[Line], *, kind: str = SIGNED, whole: int | None = None
) -> Table:
    """`lines` with what each adds to the number. `whole` is how many there are when not all are shown."""
    cut = whole is not None and whole > len(lines)
    note = f"The {len(lines):,} largest of {whole:,}" if cut else formats.deals(len(lines))
    return Table(
        "behind",
        title,
        (
            Column("Deal", TEXT),
            Column("Household", TEXT),
            Column("What happened", TEXT),
            Column("Effect" if kind == SIGNED else "Value", kind),
            Column("Owner", TEXT),
            Column("When", MOMENT),
        ),
        tuple(row(about, line, kind) for line in lines),
        note=note,
        empty="No deals are behind this number.",
    )


def row(about: About, line: Line, kind: str = SIGNED) -> Row:
    return Row(
        (
            Cell(line.name, about.links.deal(line.id)),
            Cell(line.household),
            Cell(words.STEP_ONE.get(line.what, line.what or line.stage)),
            Cell(line.effect, kind=kind),
            Cell(line.owner_name or about.owner(line.owner)),
            Cell(line.at),
        ),
        deal=line.id,
    )


def today(about: About, id: str, title: str, lines: Sequence[Line], note: str = "") -> Table:
    """Deals as they are now."""
    return Table(
        id,
        title,
        (
            Column("Deal", TEXT),
            Column("Household", TEXT),
            Column("Stage", TEXT),
            Column("Days in stage", COUNT),
            Column("Limit", COUNT),
            Column("Value", MONEY),
            Column("Close", DAY),
            Column("Owner", TEXT),
        ),
        tuple(
            Row(
                (
                    Cell(line.name, about.links.deal(line.id)),
                    Cell(line.household),
                    Cell(line.stage),
                    Cell(line.days),
                    Cell(line.limit),
                    Cell(line.value),
                    Cell(line.close),
                    Cell(line.owner_name or about.owner(line.owner)),
                ),
                deal=line.id,
            )
            for line in lines
        ),
        note=note,
        empty="No deals here.",
    )
