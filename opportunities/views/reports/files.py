"""The files people take away, written from the same sheet as the page."""

from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from opportunities import exports
from opportunities.clock import SystemClock
from opportunities.reports.sheets import CHANGE, PERCENT, Cell, Column, Links, Row, Sheet, Table
from opportunities.trail import audit
from opportunities.views import limits
from opportunities.views.access_marks import own_links_only
from opportunities.views.actor import actor_of
from opportunities.views.errors import too_often
from opportunities.views.requests import PageRequest
from opportunities.views.shell import Shell

from .report_request import ReportRequest, describe_filters, read_request

SHARES = (PERCENT, CHANGE)
CLOCK = SystemClock()
Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)


@own_links_only
@require_safe
@limits.one_at_a_time
def report_csv(request: PageRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    asked = read_request(request, slug, Links())
    columns, rows = _flatten(asked.build_sheet())
    text = exports.csv_text(columns, rows, _heading(request, asked))
    response = StreamingHttpResponse(text, content_type=exports.CSV_TYPE)
    return _record_export(request, response, asked, "csv", len(rows))


@own_links_only
@require_safe
@limits.one_at_a_time
def report_xlsx(request: PageRequest, slug: str) -> HttpResponse:
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    asked = read_request(request, slug, Links())
    columns, rows = _flatten(asked.build_sheet())
    content = exports.xlsx_bytes(columns, rows, _heading(request, asked))
    return _record_export(
        request, HttpResponse(content, content_type=exports.XLSX_TYPE), asked, "xlsx", len(rows)
    )


def _flatten(sheet: Sheet) -> tuple[list[str], list[exports.Row]]:
    """The tables of a sheet under each other: the columns of the first, then all rows, titles between them.

    Shares are written in percent, as their columns say.
    """
    tables = [panel.table for panel in sheet.panels]
    if not tables:
        return ["Nothing to show"], [[sheet.empty or sheet.finding]]
    widest = max(len(table.columns) for table in tables)
    rows: list[exports.Row] = []
    for place, table in enumerate(tables):
        if place:
            rows += [[], [table.title], _headers(table)]
        rows += [_values(row) for row in _rows_and_foot(table)]
    first = _headers(tables[0])
    return first + [""] * (widest - len(first)), rows


def _headers(table: Table) -> list[str]:
    return [_header(column) for column in table.columns]


def _header(column: Column) -> str:
    label = column.file_label or column.label
    return f"{label} (%)" if column.kind in SHARES else label


def _rows_and_foot(table: Table) -> Iterator[Row]:
    yield from table.rows
    if table.foot:
        yield table.foot


def _values(row: Row) -> list[exports.Cell]:
    return [_value(cell) for cell in row.cells]


def _value(cell: Cell) -> exports.Cell:
    if cell.kind in SHARES and isinstance(cell.value, (int, float)):
        return round(cell.value * 100, 2)
    return cell.value


def _heading(request: PageRequest, asked: ReportRequest) -> exports.Heading:
    around = Shell(request).around
    synced = around.stamp.synced_at if around else None
    return exports.Heading(
        title=asked.definition.title,
        stamp=exports.moment(synced) if synced else "",
        filters=describe_filters(asked),
        by=asked.person.display,
        at=asked.query.now,
    )


def _record_export(
    request: PageRequest, response: Answer, asked: ReportRequest, suffix: str, rows: int
) -> Answer:
    """The event is committed before the first byte leaves."""
    name = exports.filename(asked.slug, at=asked.query.now, suffix=suffix)
    response["Content-Disposition"] = exports.attachment(name)
    with transaction.atomic():
        audit.record(
            clock=CLOCK,
            by=actor_of(request),
            action="report.exported",
            object_type="report",
            object_id=asked.slug,
            outcome="ok",
            change=audit.AuditChange(
                after={"format": suffix, "rows": rows, "filters": urlencode(asked.address)}
            ),
        )
    return response
