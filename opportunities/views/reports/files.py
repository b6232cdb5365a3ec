"""The files people take away, written from the same sheet as the page."""

from typing import TypeVar
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from opportunities import exports
from opportunities.clock import SystemClock
from opportunities.forms.files import FileForm
from opportunities.reports.sheets import (
    CHANGE,
    PERCENT,
    Cell,
    Column,
    Links,
    Row,
    Sheet,
    Table,
    build_table,
)
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
@require_GET
@limits.one_at_a_time
def report_csv(request: PageRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    """One table of a report: the first, or the one the address names."""
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    report_request, file_form = read_request(request, slug, Links()), FileForm(request.GET)
    sheet = report_request.build_sheet()
    tables = {table.id: table for table in _tables(sheet)}
    table = tables.get(file_form.wanted_table) or next(iter(tables.values()))
    columns = [exports.FileColumn(_in_percent(column), column.kind) for column in table.columns]
    rows = [[_plain(cell) for cell in row.cells] for row in table.rows]
    text = exports.csv_text(
        exports.FileTable(table.title, columns, rows),
        _heading(request, report_request, sheet),
        file_form.wanted_about,
    )
    response = StreamingHttpResponse(text, content_type=exports.CSV_TYPE)
    return _record_export(request, response, report_request, "csv", len(rows))


@own_links_only
@require_GET
@limits.one_at_a_time
def report_xlsx(request: PageRequest, slug: str) -> HttpResponse:
    """All tables of a report, each on a sheet of its own."""
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    report_request = read_request(request, slug, Links())
    sheet = report_request.build_sheet()
    titles = [panel.chart.title if panel.chart else panel.table.title for panel in sheet.panels]
    tables = _tables(sheet)
    for_workbook = [_for_workbook(title, table) for title, table in zip(titles or [""], tables, strict=True)]
    content = exports.xlsx_bytes(for_workbook, _heading(request, report_request, sheet))
    rows = sum(len(table.rows) for table in tables)
    return _record_export(
        request, HttpResponse(content, content_type=exports.XLSX_TYPE), report_request, "xlsx", rows
    )


def _tables(sheet: Sheet) -> list[Table]:
    nothing = build_table(
        "nothing", "Nothing to show", [Column.text("Nothing to show")], [Row((Cell(sheet.empty),))]
    )
    return [panel.table for panel in sheet.panels] or [nothing]


def _in_percent(column: Column) -> str:
    """The name of a column in a CSV file, where a share is a number of percent."""
    label = column.file_label or column.label
    return f"{label} (%)" if column.kind in SHARES else label


def _plain(cell: Cell) -> exports.Cell:
    if cell.kind in SHARES and isinstance(cell.value, (int, float)):
        return round(cell.value * 100, 2)
    return cell.value


def _for_workbook(title: str, table: Table) -> exports.FileTable:
    """`title` names the sheet: under a chart, the chart says what the table is of."""
    return exports.FileTable(
        title,
        [exports.FileColumn(column.file_label or column.label, column.kind) for column in table.columns],
        [_figures(row) for row in table.rows],
        _figures(table.foot) if table.foot else (),
    )


def _figures(row: Row) -> list[exports.Cell]:
    return [exports.Figure(cell.value, cell.kind) for cell in row.cells]


def _heading(request: PageRequest, report_request: ReportRequest, sheet: Sheet) -> exports.Heading:
    status = Shell(request).status
    synced = status.stamp.synced_at if status else None
    return exports.Heading(
        title=report_request.definition.title,
        stamp=exports.moment(synced) if synced else "",
        filters=describe_filters(report_request),
        by=report_request.person.display,
        at=report_request.query.now,
        notes=[words for words in (sheet.finding, sheet.lede, *sheet.hints) if words],
    )


def _record_export(
    request: PageRequest, response: Answer, report_request: ReportRequest, suffix: str, rows: int
) -> Answer:
    """The event is committed before the first byte leaves."""
    name = exports.filename(report_request.slug, at=report_request.query.now, suffix=suffix)
    response["Content-Disposition"] = exports.attachment(name)
    with transaction.atomic():
        audit.record(
            clock=CLOCK,
            by=actor_of(request),
            action="report.exported",
            object_type="report",
            object_id=report_request.slug,
            outcome="ok",
            change=audit.AuditChange(
                after={"format": suffix, "rows": rows, "filters": urlencode(report_request.address)}
            ),
        )
    return response
