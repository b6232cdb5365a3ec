"""Exported files: CSV and XLSX in which no cell can run as a formula (reliability 4, S12).

Pure functions from rows to text or bytes. A file begins with its title, the age of its data, its filters and
who exported it; then come an empty line, the names of the columns, and the rows.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import xlsxwriter
from django.utils import timezone

Cell = str | int | float | Decimal | date | datetime | None
Row = Sequence[Cell]

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# Characters that may begin a formula: OWASP's list, the line feed, and the full-width forms of the first
# four, which Japanese spreadsheets accept.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Excel assumes Windows-1252 without it. It stands before the title.
BYTE_ORDER_MARK = "\ufeff"
ROWS_AT_ONCE = 200
LONGEST_CELL = 32_767
LONGEST_SHEET_NAME = 31
WIDEST = 60


@dataclass(frozen=True)
class Heading:
    """The lines above the rows: the age of the data, the filters, and who exported it when."""

    title: str
    stamp: str
    filters: str
    by: str
    at: datetime

    def lines(self) -> list[tuple[str, str]]:
        return [
            (self.title, ""),
            ("Slant data as of", self.stamp or "unknown"),
            ("Filters", self.filters or "none"),
            ("Exported by", self.by),
            ("Exported at", moment(self.at)),
        ]


def harmless(text: str) -> str:
    """`text` with an apostrophe in front if a spreadsheet might run it as a formula."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def moment(value: datetime) -> str:
    """A moment with its UTC offset: `2026-11-23 10:41:02+01:00`."""
    return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")


def written(value: Cell) -> str | int | float | Decimal:
    """A cell of a CSV file: numbers bare, days and moments in ISO 8601, text harmless, None as ""."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return harmless(value) if isinstance(value, str) else value


def csv_text(columns: Sequence[str], rows: Iterable[Row], heading: Heading) -> Iterator[str]:
    """A CSV file in pieces of two hundred rows, for streaming (RFC 4180: commas, doubled quotes, CRLF)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BYTE_ORDER_MARK)
    writer.writerows([[written(cell) for cell in line] for line in heading.lines()])
    writer.writerow([])
    writer.writerow([harmless(column) for column in columns])
    for number, row in enumerate(rows, start=1):
        writer.writerow([written(cell) for cell in row])
        if number % ROWS_AT_ONCE == 0:
            yield _emptied(buffer)
    yield _emptied(buffer)


def xlsx_bytes(columns: Sequence[str], rows: Iterable[Row], heading: Heading) -> bytes:
    """A workbook of one sheet. Text stays text: none becomes a formula, a link or a number."""
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
        sheet = book.add_worksheet(sheet_name(heading.title))
        strong = book.add_format({"bold": True})
        formats: dict[type[date], object] = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        for number, line in enumerate(heading.lines()):
            for column, words in enumerate(line):
                sheet.write_string(number, column, words[:LONGEST_CELL], strong if column == 0 else None)
        top = len(heading.lines()) + 1
        widths = [len(column) for column in columns]
        for column, name in enumerate(columns):
            sheet.write_string(top, column, name[:LONGEST_CELL], strong)
        for number, row in enumerate(rows, start=top + 1):
            for column, cell in enumerate(row):
                _write(sheet, number, column, cell, formats)
                widths[column] = max(widths[column], len(str(cell)) if cell is not None else 0)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(width, WIDEST) + 2)
        sheet.freeze_panes(top + 1, 0)
    return file.getvalue()


def filename(*parts: str, at: datetime, suffix: str) -> str:
    """A name such as `pipeline-new-households-2026-11-23.csv`, with the day in the firm's zone."""
    plain = unicodedata.normalize("NFKD", " ".join(parts)).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")
    return f"{words or 'export'}-{timezone.localtime(at).date().isoformat()}.{suffix}"


def attachment(name: str) -> str:
    """The `Content-Disposition` of a file named by `filename()`."""
    return f'attachment; filename="{name}"'


def sheet_name(title: str) -> str:
    """A name Excel accepts: 1 to 31 characters, none of them forbidden, no outer apostrophes."""
    words = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip(" '")[:LONGEST_SHEET_NAME].strip(" '")
    return "Export" if words.lower() in ("", "history") else words


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _write(
    sheet: xlsxwriter.worksheet.Worksheet,
    row: int,
    column: int,
    cell: Cell,
    formats: dict[type[date], object],
) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        sheet.write_string(row, column, cell[:LONGEST_CELL])
    elif isinstance(cell, datetime):
        local = timezone.localtime(cell).replace(tzinfo=None)
        sheet.write_datetime(row, column, local, formats[datetime])
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, formats[date])
    else:
        sheet.write_number(row, column, cell)
