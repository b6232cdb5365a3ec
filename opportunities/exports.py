"""Exported files: CSV and XLSX in which no cell can run as a formula (reliability 4, S12).

Pure functions from rows to text or bytes. A CSV file is the names of the columns and then one record a row.
A workbook has a sheet for each table, and "About": the age of the data, the filters, who exported it, and
what the numbers mean.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import xlsxwriter
from django.utils import timezone

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Characters that may begin a formula: OWASP's list, and the full-width forms of the first four, which
# Japanese spreadsheets accept.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Where a cell may begin: with the text, and behind what a spreadsheet may take for a separator. Some skip the
# spaces and quotes that follow.
CELL_BEGINS = re.compile(rf"(^|[;|\t\r\n])([ \"]*)(?=[{re.escape(''.join(DANGEROUS))}])")
# Excel assumes Windows-1252 without it.
BYTE_ORDER_MARK = "\ufeff"
ROWS_AT_ONCE = 200
LONGEST_CELL = 32_767
LONGEST_SHEET_NAME = 31
WIDEST = 60
ABOUT = "About"
# How a workbook shows each kind of column. A number is a format built into Excel, which follows its reader's
# country: days, and moments to the minute.
NUMBER_FORMATS: dict[str, str | int] = {
    "count": "#,##0",
    "days": "#,##0",
    "money": '"$"#,##0',
    "signed": '+"$"#,##0;-"$"#,##0;"$"0',
    "percent": "0.0%",
    "change": "+0.0%;-0.0%;0.0%",
    "day": 14,
    "moment": 22,
}


class Figure(NamedTuple):
    """A value that is not of the kind of its column (`NUMBER_FORMATS`)."""

    value: str | int | float | date | datetime | None
    kind: str


Cell = str | int | float | Decimal | date | datetime | Figure | None
Row = Sequence[Cell]


class FileColumn(NamedTuple):
    name: str
    kind: str = "text"


@dataclass(frozen=True)
class FileTable:
    """Columns and records. `foot` are their sums: a workbook shows them under the records."""

    title: str
    columns: Sequence[FileColumn]
    rows: Iterable[Row]
    foot: Row = ()


@dataclass(frozen=True)
class Heading:
    """What a file is: the age of the data, the filters, and who exported it when.

    `notes` say what its numbers mean.
    """

    title: str
    stamp: str
    filters: str
    by: str
    at: datetime
    notes: Sequence[str] = ()

    def lines(self) -> list[tuple[str, str]]:
        return [
            (self.title, ""),
            ("Slant data as of", self.stamp or "unknown"),
            ("Filters", self.filters or "none"),
            ("Exported by", self.by),
            ("Exported at", moment(self.at)),
        ]


class About(StrEnum):
    """Whether a CSV file has the lines of its heading: not at all, above the table, or alone."""

    NO = ""
    ABOVE = "1"
    ALONE = "only"


def harmless(text: str) -> str:
    """`text` with an apostrophe wherever a spreadsheet might begin a cell with a formula."""
    return CELL_BEGINS.sub(r"\1\2'", text)


def moment(value: datetime) -> str:
    """A moment with its UTC offset: `2026-11-23 10:41:02+01:00`."""
    return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")


def csv_value(cell: Cell) -> str | int | float | Decimal:
    """A cell of a CSV file: numbers bare, days and moments in ISO 8601, text harmless, None as ""."""
    value = cell.value if isinstance(cell, Figure) else cell
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return harmless(value) if isinstance(value, str) else value


def csv_text(table: FileTable, heading: Heading, about: About = About.NO) -> Iterator[str]:
    """A CSV file in pieces of two hundred rows, for streaming (RFC 4180: commas, doubled quotes, CRLF).

    Every text is quoted.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    buffer.write(BYTE_ORDER_MARK)
    if about:
        writer.writerows([[csv_value(cell) for cell in line] for line in heading.lines()])
    if about is About.ALONE:
        yield _emptied(buffer)
        return
    if about is About.ABOVE:
        writer.writerow([])
    writer.writerow([harmless(column.name) for column in table.columns])
    for number, row in enumerate(table.rows, start=1):
        writer.writerow([csv_value(cell) for cell in row])
        if number % ROWS_AT_ONCE == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def xlsx_bytes(tables: Sequence[FileTable], heading: Heading) -> bytes:
    """A workbook: a sheet for each table, and "About". Text never becomes a formula, a link or a number."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(
        file,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "remove_timezone": True,
        },
    ) as book:
        names = {ABOUT.lower()}
        for table in tables:
            _SheetWriter(book, book.add_worksheet(_new_name(table.title, names))).write(table)
        _write_about(book, heading)
    return file.getvalue()


def filename(*parts: str, at: datetime, suffix: str) -> str:
    """A name such as `pipeline-new-households-2026-11-23.csv`, with the day in the firm's zone."""
    plain = unicodedata.normalize("NFKD", " ".join(parts)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")
    return f"{words or 'export'}-{timezone.localtime(at).date().isoformat()}.{suffix}"


def attachment(name: str) -> str:
    """The `Content-Disposition` of a file named by `filename()`."""
    return f'attachment; filename="{name}"'


def xlsx_text(text: str) -> str:
    """`text` for `write_string`, which writes what looks like rich text (`<r>...</r>`) as XML, unescaped.

    Such a text is given as rich text of one run that holds it all. Escaped it must still fit into a cell.
    """
    fitting = text[:LONGEST_CELL]
    if fitting.startswith("<r>") and fitting.endswith("</r>"):
        return f'<r><t xml:space="preserve">{escape(fitting[: LONGEST_CELL // 8])}</t></r>'
    return fitting


def sheet_name(title: str) -> str:
    """A name Excel accepts: 1 to 31 characters, none of them forbidden, no outer apostrophes."""
    words = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip(" '")[:LONGEST_SHEET_NAME].strip(" '")
    return "Export" if words.lower() in ("", "history") else words


def _new_name(title: str, names_in_use: set[str]) -> str:
    """A name for a sheet that none of `names_in_use` has; Excel tells no case apart."""
    name, number = sheet_name(title), 1
    while name.lower() in names_in_use:
        number += 1
        name = f"{sheet_name(title)[: LONGEST_SHEET_NAME - 4]} ({number})"
    names_in_use.add(name.lower())
    return name


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _write_about(book: xlsxwriter.Workbook, heading: Heading) -> None:
    sheet, strong = book.add_worksheet(ABOUT), book.add_format({"bold": True})
    lines = [*heading.lines(), *(("", note) for note in heading.notes)]
    for number, line in enumerate(lines):
        for column, words in enumerate(line):
            sheet.write_string(number, column, xlsx_text(words), strong if column == 0 else None)
    sheet.set_column(0, 0, 20)
    sheet.set_column(1, 1, WIDEST)


class _SheetWriter:
    """Writes a table: names bold and frozen with filters, numbers and days as what they are."""

    def __init__(self, book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        self._book, self._sheet = book, sheet
        self._formats: dict[tuple[str, bool], Any] = {}
        self._widths: list[int] = []

    def write(self, table: FileTable) -> None:
        kinds = [column.kind for column in table.columns]
        self._widths = [0] * len(kinds)
        self._row(0, [column.name for column in table.columns], ["text"] * len(kinds), bold=True)
        last = 0
        for last, row in enumerate(table.rows, start=1):
            self._row(last, row, kinds)
        self._sheet.autofilter(0, 0, last, max(0, len(kinds) - 1))
        if table.foot:
            self._row(last + 1, table.foot, kinds, bold=True)
        for column, width in enumerate(self._widths):
            self._sheet.set_column(column, column, min(width, WIDEST) + 3)
        self._sheet.freeze_panes(1, 0)

    def _row(self, number: int, cells: Row, kinds: Sequence[str], *, bold: bool = False) -> None:
        for column, (cell, kind) in enumerate(zip(cells, kinds, strict=True)):
            value, kind = cell if isinstance(cell, Figure) else (cell, kind)
            self._write(number, column, value, kind, bold)
            if value is not None:
                self._widths[column] = max(self._widths[column], len(str(value)))

    def _write(self, row: int, column: int, value: Any, kind: str, bold: bool) -> None:
        if value is None:
            return
        if isinstance(value, str):
            self._sheet.write_string(row, column, xlsx_text(value), self._format("text", bold))
        elif isinstance(value, datetime):
            local = timezone.localtime(value).replace(tzinfo=None)
            self._sheet.write_datetime(row, column, local, self._format("moment", bold))
        elif isinstance(value, date):
            self._sheet.write_datetime(row, column, value, self._format("day", bold))
        else:
            self._sheet.write_number(row, column, value, self._format(kind, bold))

    def _format(self, kind: str, bold: bool) -> Any:
        if (kind, bold) not in self._formats:
            number_format = {"num_format": NUMBER_FORMATS[kind]} if kind in NUMBER_FORMATS else {}
            self._formats[kind, bold] = self._book.add_format({"bold": bold, **number_format})
        return self._formats[kind, bold]
