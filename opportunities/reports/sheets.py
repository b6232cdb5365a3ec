"""A report as it is shown: a finding, tables, and charts that draw a table's columns.

Page, CSV and XLSX are written from the same sheet. A chart holds no number of its own: it names the columns
of its table to draw, so the two cannot differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

TEXT, COUNT, MONEY, SIGNED, PERCENT, CHANGE, DAYS, DAY, MOMENT, POINTS = (
    "text", "count", "money", "signed", "percent", "change", "days", "day", "moment", "points",
)  # fmt: skip
NUMBERS = (COUNT, MONEY, SIGNED, PERCENT, CHANGE, DAYS, POINTS)

Value = str | int | float | date | datetime | None


@dataclass(frozen=True)
class Column:
    """`file_label` is the header in files, where it must stay what it has always been."""

    label: str
    kind: str
    file_label: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @classmethod
    def text(cls, label: str) -> "Column":
        return cls(label, TEXT)

    @classmethod
    def count(cls, label: str, file_label: str = "") -> "Column":
        return cls(label, COUNT, file_label)

    @classmethod
    def money(cls, label: str, file_label: str = "") -> "Column":
        return cls(label, MONEY, file_label)

    @classmethod
    def percent(cls, label: str) -> "Column":
        return cls(label, PERCENT)

    @classmethod
    def days(cls, label: str) -> "Column":
        return cls(label, DAYS)


@dataclass(frozen=True)
class Cell:
    """A value, where it leads, and words under it. `kind` is the column's, unless the cell has its own."""

    value: Value
    link: str = ""
    sub: str = ""
    kind: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    @property
    def is_day(self) -> bool:
        return isinstance(self.value, date)

    @property
    def raw(self) -> str:
        """The value for scripts."""
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True)
class Row:
    """`tone` is `strong`, or `dim` for what stands apart and in no chart.

    `is_level` marks a bar of a waterfall that stands on the ground. `deal` is the deal the row is about.
    """

    cells: tuple[Cell, ...]
    tone: str = ""
    is_level: bool = False
    deal: str = ""


@dataclass(frozen=True)
class Table:
    """`bulk` is the label of a button that changes all deals of the table at once; empty: no button."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    foot: Row | None = None
    note: str = ""
    empty: str = ""
    bulk: str = ""


def build_table(
    id: str,
    title: str,
    columns: Iterable[Column],
    rows: Iterable[Row],
    *,
    foot: Row | None = None,
    note: str = "",
    empty: str = "",
    bulk: str = "",
) -> Table:
    """A table whose cells know the kind of their column."""
    columns = tuple(columns)
    return Table(
        id,
        title,
        columns,
        tuple(_with_kinds(row, columns) for row in rows),
        _with_kinds(foot, columns) if foot else None,
        note,
        empty,
        bulk,
    )


def _with_kinds(row: Row, columns: tuple[Column, ...]) -> Row:
    cells = zip(row.cells, columns, strict=True)
    return replace(row, cells=tuple(replace(cell, kind=cell.kind or column.kind) for cell, column in cells))


@dataclass(frozen=True)
class Series:
    """A column of the table in a colour: `1` to `5`, `won`, `lost`, `level`, `up`, `down`, `outline`."""

    column: int
    label: str
    colour: str


@dataclass(frozen=True)
class Chart:
    """`kind` is `bars`, `stacked`, `waterfall` or `line`; `sentence` says what it shows to who cannot see it.

    `floor` is where the axis begins, in the unit of the column. Anything but 0 is said in `note`.
    """

    title: str
    kind: str
    unit: str
    sentence: str
    series: tuple[Series, ...]
    floor: int = 0
    note: str = ""

    @property
    def columns(self) -> list[int]:
        return [series.column for series in self.series]

    @property
    def colours(self) -> list[str]:
        return [series.colour for series in self.series]

    @property
    def labels(self) -> list[str]:
        return [series.label for series in self.series]


@dataclass(frozen=True)
class Panel:
    """A table, and a chart of it where one helps."""

    table: Table
    chart: Chart | None = None

    @property
    def is_tall(self) -> bool:
        """Whether the table stands under its chart: a wide one, or one of many months."""
        return len(self.table.columns) > 7 or (self.chart is not None and self.chart.kind == "line")

    @property
    def is_wide(self) -> bool:
        return len(self.table.columns) > 5


@dataclass(frozen=True)
class Tile:
    """A figure at a glance. `points` are the heights of its sparkline, 0 to 1; None leaves a gap."""

    label: str
    figure: str
    before: str
    change: str
    tone: str
    link: str
    points: tuple[float | None, ...] = ()
    sub: str = ""


@dataclass(frozen=True)
class Sheet:
    """`empty` says why there is nothing to show; empty itself while there is something."""

    slug: str
    finding: str
    lede: str
    panels: tuple[Panel, ...]
    tiles: tuple[Tile, ...] = ()
    hints: tuple[str, ...] = ()
    empty: str = ""


class Links:
    """Where the numbers of a sheet lead. Files have no links, so this one answers with none."""

    def deals(self, **selection: object) -> str:
        """The open deals of today behind a number, as a list."""
        return ""

    def show(self, key: str) -> str:
        """The same page with the deals behind the number `key` on it."""
        return ""

    def deal(self, id: str) -> str:
        return ""

    def report(self, slug: str, **changes: object) -> str:
        return ""
