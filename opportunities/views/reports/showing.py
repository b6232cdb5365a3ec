"""From a sheet to a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from opportunities.access import Action, may
from opportunities.forms.reports import ReportForm
from opportunities.forms.selection import selection_of
from opportunities.periods import Period, named
from opportunities.reports import telling
from opportunities.reports.sheets import Chart, Column, Row, Sheet, Table, Tile
from opportunities.reports.telling import About
from opportunities.selectors import reports as selecting
from opportunities.wording import reports as wording

from .asking import TIMELESS, Question, about_of, filters
from .links import DEALS

SPARK_WIDTH, SPARK_HEIGHT = 96, 24


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
    """`sparks` are the points of a polyline each: of one, or of several with gaps between them."""

    tile: Tile
    sparks: list[str]


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


def shown(sheet: Sheet, asked: Question) -> Page:
    about, today = about_of(asked), asked.report.today
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
        tiles=[ShownTile(tile, _sparks(tile.points)) for tile in sheet.tiles],
        panels=[ShownPanel(_table(panel.table, today), panel.chart) for panel in sheet.panels],
        extra=[_table(table, today) for table in _extra(asked, about)],
        form=asked.form,
        choices=_choices(asked),
        period=period,
        was=f"{period.first}..{period.last}",
        timeless=asked.slug in TIMELESS,
        by_quarter=asked.form.by_quarter,
        history=asked.slug == "changes",
        filters=filters(asked),
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
            ("own", "Custom dates", first == "own"),
        ],
        "pipeline": options(on.pipelines, chosen.pipeline, "All pipelines"),
        "book": options(on.books, chosen.book, "All books"),
        "team": options({id: f"Team of {name}" for id, name in on.books.items()}, chosen.team, "All teams"),
        "owner": options({**on.members, selecting.NOBODY: "Nobody"}, chosen.owner, "All owners"),
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


def _sparks(points: Sequence[float | None]) -> list[str]:
    """In a box of SPARK_WIDTH by SPARK_HEIGHT. What stands alone between gaps is a dot: a line to itself."""
    wide = SPARK_WIDTH / max(len(points) - 1, 1)
    at = [
        None if point is None else f"{place * wide:.1f},{SPARK_HEIGHT - 2 - point * (SPARK_HEIGHT - 4):.1f}"
        for place, point in enumerate(points)
    ]
    runs = [[each for each in run if each] for there, run in groupby(at, key=bool) if there]
    return [" ".join(run * 2 if len(run) == 1 else run) for run in runs]
