"""A report as it is shown: a finding, tables, and charts that draw a table's columns.

Page, CSV and XLSX are written from the same sheet, and a chart holds no number of its own: it names a table
and which of its columns to draw, so the two cannot differ.
"""

from dataclasses import dataclass
from datetime import date, datetime

TEXT, COUNT, MONEY, SIGNED, PERCENT, CHANGE, DAYS, DAY, MOMENT = (
    "text", "count", "money", "signed", "percent", "change", "days", "day", "moment",
)  # fmt: skip
NUMBERS = (COUNT, MONEY, SIGNED, PERCENT, CHANGE, DAYS)

Value = str | int | float | date | datetime | None


@dataclass(frozen=True)
class Column:
    label: str
    kind: str = COUNT

    @property
    def numeric(self) -> bool:
        return self.kind in NUMBERS


@dataclass(frozen=True)
class Cell:
    """A value, where it leads, and words under it."""

    value: Value
    link: str = ""
    sub: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Row:
    """`tone` is `strong` or `dim`, what stands apart and in no chart; `level`: a waterfall's bar that stands
    on the ground.
    """

    cells: tuple[Cell, ...]
    tone: str = ""
    level: bool = False
    deal: str = ""


@dataclass(frozen=True)
class Table:
    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    foot: Row | None = None
    note: str = ""
    empty: str = ""
    # What may be done with all the deals of the table at once: words for the button.
    bulk: str = ""


@dataclass(frozen=True)
class Series:
    """A column of the table as a colour of the look: `1` to `5`, `won`, `lost`, `level`, `up`, `down`,
    `outline`.
    """

    column: int
    label: str
    colour: str


@dataclass(frozen=True)
class Chart:
    """`kind` is `bars`, `stacked`, `waterfall` or `line`; `sentence` says what it shows to who cannot see it.

    `floor`: where the axis begins, in the unit of the column; anything but 0 is said in `note`.
    """

    title: str
    kind: str
    unit: str
    sentence: str
    series: tuple[Series, ...]
    floor: int = 0
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """A table, and a chart of it where one helps."""

    table: Table
    chart: Chart | None = None


@dataclass(frozen=True)
class Tile:
    """A figure at a glance. `points` are the heights of its sparkline, 0 to 1; None leaves a gap."""

    label: str
    said: str
    before: str
    change: str
    tone: str
    link: str
    points: tuple[float | None, ...] = ()
    sub: str = ""


@dataclass(frozen=True)
class Sheet:
    slug: str
    finding: str
    lede: str
    panels: tuple[Panel, ...]
    tiles: tuple[Tile, ...] = ()
    hints: tuple[str, ...] = ()
    # Nothing to show at all, and why.
    empty: str = ""


class Links:
    """Where the numbers of a sheet lead. Files have no links: this one answers with none; views know more."""

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
