"""The deals of a selection as a table, and as a file."""

from datetime import datetime

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from opportunities import exports
from opportunities.actions import deal_exports, form_tokens
from opportunities.clock import SystemClock
from opportunities.forms.files import FileForm
from opportunities.forms.listing import reading_of
from opportunities.forms.selection import SelectionForm
from opportunities.selection import Selection
from opportunities.selectors import filters
from opportunities.selectors.board import page as boards
from opportunities.selectors.board.totals import hidden_by_filters
from opportunities.selectors.bookmarks import lost_from_address
from opportunities.selectors.listing import FILE_COLUMNS, file_rows, listing, pipeline_name
from opportunities.views import errors, limits
from opportunities.views.access_marks import own_links_only
from opportunities.views.actor import actor_of
from opportunities.views.requests import PageRequest
from opportunities.views.shell import Shell
from opportunities.wording import bulk as bulk_words

CLOCK = SystemClock()


def page(
    request: PageRequest, selection: Selection, *, problems: list[tuple[str, str]] | None = None
) -> HttpResponse:
    """The list (`/board/?view=list`). For htmx with `after`: only the rows that follow that deal."""
    person, reading, now = request.person, reading_of(request.GET), timezone.now()
    deal_list = listing(person, selection, reading, now)
    if deal_list is None:
        context = {
            "board": boards.board(person, selection, now, cards_by_stage={}),
            "query": selection.query(),
            "lost": lost_from_address(person, selection, None),
        }
        return render(request, "opportunities/list.html", context)
    requested, selection = selection, deal_list.head.selection
    if request.htmx and reading.after:
        return render(request, "opportunities/partials/list_rows.html", {"list": deal_list})
    names = boards.lookup_names(person, selection) if selection.narrowed_by else {}
    context = {
        "list": deal_list,
        "board": deal_list.head,
        "query": selection.query(),
        "board_query": selection.query(view="board"),
        "chips": filters.chips(selection, names),
        "problems": problems or [],
        "lost": lost_from_address(person, requested, deal_list.head.pipeline),
        "form_token": form_tokens.issue_token(person),
        "shown_at": CLOCK.now().isoformat(),
        "hidden": hidden_by_filters(person, selection) if not deal_list.total.count else 0,
    }
    return render(request, "opportunities/list.html", context)


@own_links_only
@require_GET
def csv(request: PageRequest) -> HttpResponseBase:
    """All deals of a selection as a file in which no spreadsheet runs a formula. The trail records each
    export.
    """
    return _deals_file(request, "csv")


@own_links_only
@require_GET
@limits.one_at_a_time
def xlsx(request: PageRequest) -> HttpResponseBase:
    """The same as a workbook."""
    return _deals_file(request, "xlsx")


def _deals_file(request: PageRequest, suffix: str) -> HttpResponseBase:
    person, now = request.person, timezone.now()
    if wait := limits.spend(request, limits.EXPORT):
        return errors.too_often(request, wait)
    selection, reading = SelectionForm(request.GET).selection, reading_of(request.GET)
    count, rows = file_rows(person, selection, reading.sorting, now)
    deal_exports.record(
        object_type="opportunities",
        format=suffix,
        rows=count,
        filters=reading.query(selection.query()),
        by=actor_of(request),
        clock=CLOCK,
    )
    table, heading = exports.FileTable("Deals", FILE_COLUMNS, rows), _heading(request, selection, now)
    name = exports.attachment(exports.filename("deals", at=now, suffix=suffix))
    if suffix == "xlsx":
        content = exports.xlsx_bytes([table], heading)
        return HttpResponse(content, content_type=exports.XLSX_TYPE, headers={"Content-Disposition": name})
    text = exports.csv_text(table, heading, FileForm(request.GET).wanted_about)
    return StreamingHttpResponse(text, content_type=exports.CSV_TYPE, headers={"Content-Disposition": name})


def _heading(request: PageRequest, selection: Selection, now: datetime) -> exports.Heading:
    person, status = request.person, Shell(request).status
    pipeline = pipeline_name(person, selection.pipeline)
    chips = filters.chips(selection, boards.lookup_names(person, selection))
    synced = status.stamp.synced_at if status else None
    return exports.Heading(
        title="Deals",
        stamp=exports.moment(synced) if synced else "",
        filters="; ".join(
            [f"Pipeline: {pipeline}"] * bool(pipeline) + [f"{chip.label}: {chip.text}" for chip in chips]
        ),
        by=person.display,
        at=now,
        notes=bulk_words.FILE_NOTES,
    )
