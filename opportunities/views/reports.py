"""Reports: pages, and the files people take away. Both are written from the same sheet."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from opportunities import exports
from opportunities.access import Action, may
from opportunities.actions import audit
from opportunities.actions import targets as aims
from opportunities.clock import SystemClock
from opportunities.forms.reports import ReportForm, TargetsForm
from opportunities.forms.selection import selection_of
from opportunities.models import Person
from opportunities.reports import telling
from opportunities.reports.periods import Period, compared, named
from opportunities.reports.sheets import CHANGE, PERCENT, Chart, Column, Links, Row, Sheet, Table, Tile
from opportunities.reports.telling import About
from opportunities.selection import LIST, Selection
from opportunities.selectors import reports as selecting
from opportunities.selectors.reports import Report
from opportunities.views import limits
from opportunities.views.actor import actor_of
from opportunities.views.errors import too_often
from opportunities.views.shell import Shell, person_of
from opportunities.wording import reports as wording

CLOCK = SystemClock()
FIRST = "overview"
# Which period a report begins with; what only knows today has none.
USUAL = {"forecast": "this-and-next-quarter", "velocity": "last-12-months"}
SHARES = (PERCENT, CHANGE)
# What `show` begins with when it names open deals of today by a selection.
DEALS = "deals?"
TIMELESS = ("ageing", "data-quality")
SPARK_WIDTH, SPARK_HEIGHT = 96, 24

Answer = TypeVar("Answer", HttpResponse, StreamingHttpResponse)


@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """The first report; the others are its tabs."""
    query = request.META.get("QUERY_STRING", "")
    address = reverse("opportunities:report", args=[FIRST])
    return HttpResponseRedirect(f"{address}?{query}" if query else address)


@require_safe
def report(request: HttpRequest, slug: str) -> HttpResponse:
    """One report. A period named in words is turned into days, so that the address opens the same for ever."""
    asked = _asked(request, slug)
    if asked.form.needs_address:
        return HttpResponseRedirect(asked.links.report(slug))
    sheet = told(asked)
    shown = _shown(sheet, asked)
    return render(request, "reports/report.html", {"page": shown})


@require_safe
def report_csv(request: HttpRequest, slug: str) -> HttpResponse | StreamingHttpResponse:
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    asked = _asked(request, slug, Links())
    columns, rows = _flat(told(asked))
    text = exports.csv_text(columns, rows, _heading(request, asked))
    response = StreamingHttpResponse(text, content_type=exports.CSV_TYPE)
    return _taken(request, response, asked, "csv", len(rows))


@require_safe
def report_xlsx(request: HttpRequest, slug: str) -> HttpResponse:
    if wait := limits.spend(request, limits.EXPORT):
        return too_often(request, wait)
    asked = _asked(request, slug, Links())
    columns, rows = _flat(told(asked))
    content = exports.xlsx_bytes(columns, rows, _heading(request, asked))
    return _taken(request, HttpResponse(content, content_type=exports.XLSX_TYPE), asked, "xlsx", len(rows))


@require_http_methods(["GET", "HEAD", "POST"])
def targets(request: HttpRequest) -> HttpResponse:
    """For managers: what each owner aims to win in this fiscal quarter and the three after it."""
    person = person_of(request)
    if not may(person, Action.OVERSEE):
        raise PermissionDenied
    on = selecting.ground(person)
    quarters = selecting.target_quarters(timezone.localdate())
    firsts = [quarter.first for quarter in quarters]
    form = TargetsForm(
        request.POST if request.method == "POST" else None, members=list(on.members), quarters=firsts
    )
    if form.is_valid():
        count = aims.keep(amounts=form.amounts, by=actor_of(request), clock=CLOCK)
        messages.success(request, wording.TARGETS_KEPT.format(count=count) if count else wording.TARGETS_SAME)
        return HttpResponseRedirect(reverse("opportunities:targets"), status=303)
    context = {
        "quarters": [wording.quarter(first, settings.FISCAL_YEAR_START_MONTH) for first in firsts],
        "rows": [_target_row(row, form) for row in selecting.targets(on, quarters)],
        "problems": [(f"id_{name}", said) for name, listed in form.errors.items() for said in listed],
    }
    return render(request, "reports/targets.html", context, status=422 if form.is_bound else 200)


def _target_row(row: selecting.TargetRow, form: TargetsForm) -> dict[str, Any]:
    cells = []
    for first, amount in row.amounts:
        name = form.named(row.member, first)
        typed = form.data.get(name) if form.is_bound else None
        cells.append(
            {
                "name": name,
                "value": typed if typed is not None else f"{amount:,}" if amount is not None else "",
                "label": f"{row.name}, {wording.quarter(first, settings.FISCAL_YEAR_START_MONTH)}",
                "error": next(iter(form.errors.get(name, [])), ""),
            }
        )
    return {"name": row.name, "cells": cells}


# From an address to a sheet


class PageLinks(Links):
    """Keeps the report's filters on the way to the deals and back."""

    def __init__(self, slug: str, query: Mapping[str, str], stages: Mapping[str, str]) -> None:
        """`stages` are the open ones with their pipelines."""
        self.slug, self.query, self.stages = slug, dict(query), stages

    def deals(self, **selection: object) -> str:
        """In the list, which holds one pipeline and knows no teams; else on the report itself."""
        chosen = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in selection.items()
            if value
        }
        pipeline = self._pipeline(chosen.get("stage"))
        if not pipeline or (self.query.get("team") and "owner" not in chosen):
            if self._all_open(chosen.get("stage")):
                del chosen["stage"]
            return self.show(f"{DEALS}{Selection().query(**chosen)}")
        kept = {name: value for name in ("book", "owner") if (value := self.query.get(name))}
        query = Selection(view=LIST).query(**kept | chosen, pipeline=pipeline)
        return f"{reverse('opportunities:board')}?{query}"

    def _pipeline(self, stages: object) -> str:
        """The one pipeline the deals lie in, empty if they may lie in several."""
        if pipeline := self.query.get("pipeline"):
            return pipeline
        wanted = stages if isinstance(stages, tuple) else tuple(self.stages)
        found = {self.stages[stage] for stage in wanted if stage in self.stages}
        return found.pop() if len(found) == 1 else ""

    def _all_open(self, stages: object) -> bool:
        return isinstance(stages, tuple) and set(stages) == set(self.stages)

    def show(self, key: str) -> str:
        return f"{self.report(self.slug, show=key)}#behind"

    def deal(self, id: str) -> str:
        return reverse("opportunities:opportunity", args=[id])

    def report(self, slug: str, **changes: object) -> str:
        wanted = self.query | {name: str(value) for name, value in changes.items()}
        if slug != self.slug:
            wanted = {
                name: value for name, value in wanted.items() if name not in ("by", "day") or name in changes
            }
        query = urlencode({name: value for name, value in wanted.items() if value})
        address = f"{reverse('opportunities:report', args=[slug])}?{query}"
        return f"{address}#behind" if "show" in changes and slug != self.slug else address


@dataclass(frozen=True)
class Question:
    """Everything a report's address asks."""

    slug: str
    person: Person
    form: ReportForm
    report: Report
    links: Links
    query: Mapping[str, str] = field(default_factory=dict)


def _asked(request: HttpRequest, slug: str, links: Links | None = None) -> Question:
    if slug not in wording.TITLES:
        raise Http404
    person, now = person_of(request), timezone.now()
    form = ReportForm(
        request.GET,
        usual=USUAL.get(slug, "this-quarter"),
        today=timezone.localdate(now),
        year_starts=settings.FISCAL_YEAR_START_MONTH,
    )
    on = selecting.ground(person)
    query = form.query()
    if links is None:
        open_stages = {stage.id: stage.pipeline for stage in on.stages.values() if stage.id in on.open_stages}
        links = PageLinks(slug, query, open_stages)
    return Question(slug, person, form, Report(on, form.asked, form.chosen, now), links, query)


def _about(asked: Question) -> About:
    report = asked.report
    known = report.known_from if asked.slug not in TIMELESS else None
    return About(
        period=report.period,
        today=report.today,
        year_starts=settings.FISCAL_YEAR_START_MONTH,
        stages=report.on.stages,
        owners=report.on.members,
        books=report.on.books,
        links=asked.links,
        known_from=timezone.localdate(known) if known else None,
    )


def told(asked: Question) -> Sheet:
    """The report's numbers as its sheet: for the page, the files and the tests."""
    return TOLD[asked.slug](asked, _about(asked))


def _overview(asked: Question, about: About) -> Sheet:
    now, before = compared(asked.report.period, asked.report.today)
    return telling.overview(selecting.overview_of(asked.report), about, now, before)


def _forecast(asked: Question, about: About) -> Sheet:
    by_quarter = asked.form.by_quarter
    return telling.forecast(
        selecting.forecast_of(asked.report, by_quarter=by_quarter), about, by_quarter=by_quarter
    )


def _changes(asked: Question, about: About) -> Sheet:
    period = asked.report.period.until(asked.report.today)
    if about.known_from and about.known_from in period:
        period = Period(about.known_from, period.last)
    return telling.changes(selecting.changes_of(asked.report), about, period)


TOLD: dict[str, Callable[[Question, About], Sheet]] = {
    "overview": _overview,
    "forecast": _forecast,
    "changes": _changes,
    "ageing": lambda asked, about: telling.ageing(selecting.ageing_of(asked.report), about),
    "funnel": lambda asked, about: telling.funnel(selecting.funnel_of(asked.report), about),
    "owners": lambda asked, about: telling.owners(selecting.owners_of(asked.report), about),
    "data-quality": lambda asked, about: telling.quality(
        selecting.quality_of(asked.report, asked.form.shown), about
    ),
    "velocity": lambda asked, about: telling.velocity(selecting.velocity_of(asked.report), about),
}


def _extra(asked: Question, about: About) -> list[Table]:
    """What the address asks for on top: the deals behind one number, the board of a past day."""
    found = []
    day = asked.report.asked.day
    if asked.slug == "changes" and day:
        found.append(telling.board(selecting.board_at(asked.report, day), about, about.day(day)))
    show = asked.form.shown
    if show.startswith(DEALS):
        lines, whole = selecting.open_behind(asked.report, selection_of(show.removeprefix(DEALS)))
        found.append(
            telling.today(about, "behind", wording.OPEN_DEALS, lines, wording.first_of(len(lines), whole))
        )
    elif show and asked.slug != "data-quality":
        behind = selecting.behind(asked.report, asked.slug, show)
        if behind:
            found.append(telling.behind(about, _title_of(asked, show), behind.lines, whole=behind.whole))
    return found


def _title_of(asked: Question, show: str) -> str:
    what, _, where = show.partition(":")
    if asked.slug == "changes" and what == "on":
        return f"{asked.report.stage_name(where)} on that day"
    if asked.slug == "funnel":
        return f"{asked.report.stage_name(where)}: {what.replace('_', ' ')}"
    return {**wording.STEPS, "decided": "Won and lost", "created": "Deals created"}.get(show, show)


# From a sheet to a page


@dataclass(frozen=True)
class ShownCell:
    text: str
    raw: str
    link: str
    sub: str
    kind: str
    numeric: bool
    first: bool
    last: bool


@dataclass(frozen=True)
class ShownRow:
    cells: list[ShownCell]
    row: Row


@dataclass(frozen=True)
class ShownTable:
    table: Table
    rows: list[ShownRow]
    foot: ShownRow | None

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.table.columns


@dataclass(frozen=True)
class ShownPanel:
    table: ShownTable
    chart: Chart | None

    @property
    def layout(self) -> str:
        """A table stands beside its chart; a wide one, or one of many months, under it."""
        columns = len(self.table.columns)
        if columns > 7 or (self.chart and self.chart.kind == "line"):
            return "stack-lg"
        return "cols-report" if columns <= 5 else "cols-report is-wide"

    @property
    def columns(self) -> str:
        return ",".join(str(series.column) for series in self.chart.series) if self.chart else ""

    @property
    def colours(self) -> str:
        return ",".join(series.colour for series in self.chart.series) if self.chart else ""

    @property
    def labels(self) -> str:
        return "|".join(series.label for series in self.chart.series) if self.chart else ""


@dataclass(frozen=True)
class ShownTile:
    tile: Tile
    spark: str


@dataclass(frozen=True)
class Page:
    title: str
    sheet: Sheet
    tabs: list[tuple[str, str, bool]]
    tiles: list[ShownTile]
    panels: list[ShownPanel]
    extra: list[ShownTable]
    form: ReportForm
    choices: dict[str, list[tuple[str, str, bool]]]
    period: Period
    was: str
    timeless: bool
    by_quarter: bool
    history: bool
    filters: str
    csv: str
    xlsx: str
    problems: list[str]
    targets: str
    may_write: bool


def _shown(sheet: Sheet, asked: Question) -> Page:
    about, today = _about(asked), asked.report.today
    query = urlencode(asked.query)
    period = asked.report.period
    problems = asked.form.problems
    on, chosen = asked.report.on, asked.report.asked
    known = (not chosen.book or chosen.book in on.books) and (not chosen.team or chosen.team in on.books)
    if not known or (chosen.pipeline and chosen.pipeline not in on.pipelines):
        problems.append(wording.FILTER_UNKNOWN)
    return Page(
        title=wording.TITLES[asked.slug],
        sheet=sheet,
        tabs=[
            (about.links.report(slug), title, slug == asked.slug) for slug, title in wording.TITLES.items()
        ],
        tiles=[ShownTile(tile, _spark(tile.points)) for tile in sheet.tiles],
        panels=[ShownPanel(_table(panel.table, today), panel.chart) for panel in sheet.panels],
        extra=[_table(table, today) for table in _extra(asked, about)],
        form=asked.form,
        choices=_choices(asked),
        period=period,
        was=f"{period.first}..{period.last}",
        timeless=asked.slug in TIMELESS,
        by_quarter=asked.form.by_quarter,
        history=asked.slug == "changes",
        filters=_filters(asked),
        csv=f"{reverse('opportunities:report_csv', args=[asked.slug])}?{query}",
        xlsx=f"{reverse('opportunities:report_xlsx', args=[asked.slug])}?{query}",
        problems=problems,
        may_write=may(asked.person, Action.WRITE),
        targets=reverse("opportunities:targets") if may(asked.person, Action.OVERSEE) else "",
    )


def _choices(asked: Question) -> dict[str, list[tuple[str, str, bool]]]:
    """What each filter offers: value, words, whether it is chosen."""
    on, chosen = asked.report.on, asked.report.asked
    period, today = asked.report.period, asked.report.today
    starts = settings.FISCAL_YEAR_START_MONTH
    names = [name for name in wording.PERIODS if period == named(name, today, starts)]
    first = names[0] if names else "own"

    def options(pairs: Mapping[str, str], value: str, everything: str) -> list[tuple[str, str, bool]]:
        listed = [("", everything, not value), *((id, name, id == value) for id, name in pairs.items())]
        return listed if not value or value in pairs else [*listed, (value, "Unknown", True)]

    return {
        "period": [
            *((name, words, name == first) for name, words in wording.PERIODS.items()),
            ("own", "These days", first == "own"),
        ],
        "pipeline": options(on.pipelines, chosen.pipeline, "All pipelines"),
        "book": options(on.books, chosen.book, "All books"),
        "team": options({id: f"Team of {name}" for id, name in on.books.items()}, chosen.team, "All teams"),
        "owner": options({**on.members, selecting.NOBODY: "Nobody"}, chosen.owner, "All owners"),
    }


def _filters(asked: Question) -> str:
    """The filters in words, for the printed page and for files."""
    on, chosen = asked.report.on, asked.report.asked
    said = [] if asked.slug in TIMELESS else [f"{asked.report.period.first} to {asked.report.period.last}"]
    said += [
        f"{name} {words}"
        for name, words in (
            ("pipeline", on.pipelines.get(chosen.pipeline, chosen.pipeline)),
            ("book", on.books.get(chosen.book, chosen.book)),
            ("team of", on.books.get(chosen.team, chosen.team)),
            (
                "owner",
                "nobody" if chosen.owner == selecting.NOBODY else on.members.get(chosen.owner, chosen.owner),
            ),
        )
        if words
    ]
    return ", ".join(said) or "none"


def _table(table: Table, today: date) -> ShownTable:
    return ShownTable(
        table,
        [_row(row, table.columns, today) for row in table.rows],
        _row(table.foot, table.columns, today) if table.foot else None,
    )


def _row(row: Row, columns: tuple[Column, ...], today: date) -> ShownRow:
    last = len(columns) - 1
    return ShownRow(
        [
            ShownCell(
                text=wording.said(cell.value, cell.kind or column.kind, today),
                raw="" if cell.value is None else str(cell.value),
                link=cell.link,
                sub=cell.sub,
                kind=cell.kind or column.kind,
                numeric=column.numeric,
                first=place == 0,
                last=place == last,
            )
            for place, (cell, column) in enumerate(zip(row.cells, columns, strict=True))
        ],
        row,
    )


def _spark(points: tuple[float, ...]) -> str:
    """The points of a polyline in a box of SPARK_WIDTH by SPARK_HEIGHT."""
    if not points:
        return ""
    wide = SPARK_WIDTH / (len(points) - 1)
    return " ".join(
        f"{place * wide:.1f},{SPARK_HEIGHT - 2 - point * (SPARK_HEIGHT - 4):.1f}"
        for place, point in enumerate(points)
    )


# Files


def _flat(sheet: Sheet) -> tuple[list[str], list[exports.Row]]:
    """The tables of a sheet under each other: the columns of the first, then all rows, with titles in between.

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


def _heading(request: HttpRequest, asked: Question) -> exports.Heading:
    around = Shell(request).around
    synced = around.stamp.synced_at if around else None
    return exports.Heading(
        title=wording.TITLES[asked.slug],
        stamp=exports.moment(synced) if synced else "",
        filters=_filters(asked),
        by=asked.person.display,
        at=asked.report.now,
    )


def _taken(request: HttpRequest, response: Answer, asked: Question, suffix: str, rows: int) -> Answer:
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
            change=audit.Change(after={"format": suffix, "rows": rows, "filters": urlencode(asked.query)}),
        )
    return response
