"""The files people take away, written from the same sheet as the page."""

from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from opportunities import exports
from opportunities.clock import SystemClock
from opportunities.reports.sheets import CHANGE, PERCENT, Column, Links, Row, Sheet, Table
from opportunities.trail import audit
from opportunities.views import limits
from opportunities.views.actor import actor_of
from opportunities.views.errors import too_often
from opportunities.views.requests import PageRequest
from opportunities.views.shell import Shell
from opportunities.wording import reports as wording

from .asking import Question, asked_by, filters, told

SHARES = (PERCENT, CHANGE)
CLOCK = SystemClock()
Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)


@require_safe
def report_csv(request: PageRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    asked = asked_by(request, slug, Links())
    columns, rows = _flat(told(asked))
    text = exports.csv_text(columns, rows, _heading(request, asked))
    response = StreamingHttpResponse(text, content_type=exports.CSV_TYPE)
    return _taken(request, response, asked, "csv", len(rows))


@require_safe
def report_xlsx(request: PageRequest, slug: str) -> HttpResponse:
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    asked = asked_by(request, slug, Links())
    columns, rows = _flat(told(asked))
    content = exports.xlsx_bytes(columns, rows, _heading(request, asked))
    return _taken(request, HttpResponse(content, content_type=exports.XLSX_TYPE), asked, "xlsx", len(rows))


def _flat(sheet: Sheet) -> tuple[list[str], list[exports.Row]]:
    """The tables of a sheet under each other: the columns of the first, then all rows, with titles in
    between.

    Shares are written in percent, as their columns say.
    """
    tables = [panel.table for panel in sheet.panels]
    if not tables:
        return ["Nothing to show"], [[sheet.empty or sheet.finding]]
    widest = max(len(table.columns) for table in tables)
    rows: list[exports.Row] = []
    for place, table in enumerate(tables):
        if place:
            rows += [[], [table.title], [_head(column) for column in table.columns]]
        rows += [_cells(row, table) for row in _all(table)]
    first = [_head(column) for column in tables[0].columns]
    return first + [""] * (widest - len(first)), rows


def _head(column: Column) -> str:
    return f"{column.label} (%)" if column.kind in SHARES else column.label


def _all(table: Table) -> Iterator[Row]:
    yield from table.rows
    if table.foot:
        yield table.foot


def _cells(row: Row, table: Table) -> list[exports.Cell]:
    found: list[exports.Cell] = []
    for cell, column in zip(row.cells, table.columns, strict=True):
        value = cell.value
        if (cell.kind or column.kind) in SHARES and isinstance(value, (int, float)):
            value = round(value * 100, 2)
        found.append(value)
    return found


def _heading(request: PageRequest, asked: Question) -> exports.Heading:
    around = Shell(request).around
    synced = around.stamp.synced_at if around else None
    return exports.Heading(
        title=wording.TITLES[asked.slug],
        stamp=exports.moment(synced) if synced else "",
        filters=filters(asked),
        by=asked.person.display,
        at=asked.report.now,
    )


def _taken(request: PageRequest, response: Answer, asked: Question, suffix: str, rows: int) -> Answer:
    """The event is committed before the first byte leaves."""
    name = exports.filename(asked.slug, at=asked.report.now, suffix=suffix)
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
                after={"format": suffix, "rows": rows, "filters": urlencode(asked.query)}
            ),
        )
    return response
