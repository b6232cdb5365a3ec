"""From a report to its page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from opportunities import dates
from opportunities.access import Action, may
from opportunities.forms.reports import OWN_DAYS, ReportForm
from opportunities.forms.selection import selection_of
from opportunities.periods import Period, named
from opportunities.reports.changes import board_table
from opportunities.reports.deal_tables import deals_behind, open_deals
from opportunities.reports.measures import DEFINITIONS
from opportunities.reports.sheets import Sheet, Table
from opportunities.selectors.reports.behind import open_deals_behind
from opportunities.selectors.reports.changes import fetch_board
from opportunities.selectors.reports.registry import REPORTS, ReportDefinition
from opportunities.selectors.reports.scope import NOBODY
from opportunities.wording import reports as reports_words

from .links import DEALS
from .report_request import ReportRequest, describe_filters

# Value, words, and whether it is chosen.
Option = tuple[str, str, bool]


@dataclass(frozen=True)
class ReportPage:
    """`tabs` are address, title and whether it is this report; `extra` stands above the sheet's panels.

    `was` are the days the filters were drawn with. `targets` leads to the targets, for those who may set
    them.
    """

    definition: ReportDefinition[Any]
    sheet: Sheet
    tabs: list[Option]
    extra: list[Table]
    form: ReportForm
    choices: dict[str, list[Option]]
    period: Period
    was: str
    filters: str
    csv: str
    xlsx: str
    problems: list[str]
    targets: str
    may_write: bool

    @property
    def measures(self) -> dict[str, str]:
        """What each figure means, for "What is this?"."""
        return DEFINITIONS


def build_page(report_request: ReportRequest, sheet: Sheet) -> ReportPage:
    query, slug = report_request.query, report_request.slug
    address = urlencode(report_request.address)
    problems = report_request.form.problems
    if not query.scope.knows(query.filters):
        problems.append(reports_words.FILTER_UNKNOWN)
    if query.filters.owner not in ("", NOBODY, *query.scope.members):
        problems.append(reports_words.OWNER_UNKNOWN)
    return ReportPage(
        definition=report_request.definition,
        sheet=sheet,
        tabs=[
            (report_request.links.report(report.slug), report.title, report.slug == slug)
            for report in REPORTS.values()
        ],
        extra=_extra_tables(report_request),
        form=report_request.form,
        choices=_choices(report_request),
        period=query.period,
        was=f"{query.period.first}..{query.period.last}",
        filters=describe_filters(report_request, dates.long_day),
        csv=f"{reverse('opportunities:report_csv', args=[slug])}?{address}",
        xlsx=f"{reverse('opportunities:report_xlsx', args=[slug])}?{address}",
        problems=problems,
        may_write=may(report_request.person, Action.WRITE),
        targets=reverse("opportunities:targets") if may(report_request.person, Action.OVERSEE) else "",
    )


def _choices(report_request: ReportRequest) -> dict[str, list[Option]]:
    """What each filter offers."""
    scope, filters = report_request.query.scope, report_request.query.filters
    teams = {id: f"Team of {name}" for id, name in scope.books.items()}
    return {
        "period": _periods(report_request),
        "pipeline": _options(scope.pipelines, filters.pipeline, "All pipelines"),
        "book": _options(scope.books, filters.book, "All books"),
        "team": _options(teams, filters.team, "All teams"),
        "owner": _options({**scope.members, NOBODY: "Nobody"}, filters.owner, "All owners"),
    }


def _periods(report_request: ReportRequest) -> list[Option]:
    """The name of the period, where it has one, else the choice of one's own days."""
    today, starts = report_request.query.today, settings.FISCAL_YEAR_START_MONTH
    names = (
        name for name in reports_words.PERIODS if report_request.query.period == named(name, today, starts)
    )
    chosen = next(names, OWN_DAYS)
    options = reports_words.PERIODS | {OWN_DAYS: "Custom dates"}
    return [(name, words, name == chosen) for name, words in options.items()]


def _options(names: Mapping[str, str], chosen: str, everything: str) -> list[Option]:
    options = [("", everything, not chosen), *((id, name, id == chosen) for id, name in names.items())]
    return options if not chosen or chosen in names else [*options, (chosen, "Unknown", True)]


def _extra_tables(report_request: ReportRequest) -> list[Table]:
    """What the address asks for besides: the board of a past day, the deals behind one number."""
    query, context, behind = report_request.query, report_request.context, report_request.definition.behind
    day, show = query.filters.day, query.filters.show
    tables = []
    if day and "day" in report_request.definition.fields:
        tables.append(board_table(fetch_board(query, day), context, context.day(day)))
    if show.startswith(DEALS):
        matches = open_deals_behind(query, selection_of(show.removeprefix(DEALS)))
        note = reports_words.first_of(len(matches.lines), matches.whole)
        tables.append(open_deals("behind", reports_words.OPEN_DEALS, matches.lines, context, note=note))
    elif behind and (listed := behind.fetch(query, show)):
        tables.append(deals_behind(behind.title(show, context), listed.lines, context, whole=listed.whole))
    return tables
