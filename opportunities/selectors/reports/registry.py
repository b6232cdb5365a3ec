"""Which reports there are.

A new report is a module in `opportunities/reports` (its numbers and its sheet), one in this package (its
rows), and an entry in `_DEFINITIONS`. Address, tab, page and files follow from that.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.utils import timezone

from opportunities.reports import ageing, changes, forecast, funnel, overview, owners, quality, velocity
from opportunities.reports.context import SheetContext
from opportunities.reports.sheets import Links, Sheet
from opportunities.reports.undated import add_undated
from opportunities.wording import reports as words

from . import ageing as ageing_rows
from . import changes as changes_rows
from . import forecast as forecast_rows
from . import funnel as funnel_rows
from . import overview as overview_rows
from . import owners as owners_rows
from . import quality as quality_rows
from . import velocity as velocity_rows
from .behind import DealsBehind
from .query import ReportQuery
from .undated import count_undated

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class NumbersBehind:
    """How a report lists the deals behind one of its numbers; `fetch` returns None for an unknown number."""

    fetch: Callable[[ReportQuery, str], DealsBehind | None]
    title: Callable[[str, SheetContext], str]


@dataclass(frozen=True)
class ReportDefinition(Generic[Rows]):
    """One report. `fields` are filters of its own: `by` (month or quarter), `day` (the board of a past day).

    `usual_period` is the period it opens with. One that only knows today has no period. `counts_closings`:
    deals won or lost without a date stand beside it. `counts_seen`: it counts them on the day they were seen.
    """

    slug: str
    title: str
    fetch_rows: Callable[[ReportQuery], Rows]
    build_sheet: Callable[[Rows, SheetContext], Sheet]
    usual_period: str = "this-quarter"
    has_period: bool = True
    fields: tuple[str, ...] = ()
    behind: NumbersBehind | None = None
    counts_closings: bool = False
    counts_seen: bool = False

    def context_of(self, query: ReportQuery, links: Links) -> SheetContext:
        known_from = query.known_from if self.has_period else None
        return SheetContext(
            period=query.period,
            today=query.today,
            year_starts=settings.FISCAL_YEAR_START_MONTH,
            stages=query.scope.stages,
            owners=query.scope.members,
            books=query.scope.books,
            links=links,
            known_from=timezone.localdate(known_from) if known_from else None,
        )

    def sheet_of(self, query: ReportQuery, context: SheetContext) -> Sheet:
        sheet = self.build_sheet(self.fetch_rows(query), context)
        if not query.scope.books:
            return replace(sheet, finding=words.NO_BOOKS, lede="", empty=words.NO_BOOKS)
        if not self.counts_closings:
            return sheet
        return add_undated(sheet, count_undated(query), context, counts_seen=self.counts_seen)


_DEFINITIONS: tuple[ReportDefinition[Any], ...] = (
    ReportDefinition(
        "overview",
        "Overview",
        overview_rows.fetch_rows,
        overview.build_sheet,
        behind=NumbersBehind(overview_rows.fetch_behind, overview.title_behind),
        counts_closings=True,
    ),
    ReportDefinition(
        "forecast",
        "Forecast",
        forecast_rows.fetch_rows,
        forecast.build_sheet,
        usual_period="this-and-next-quarter",
        fields=("by",),
        counts_closings=True,
    ),
    ReportDefinition(
        "changes",
        "What changed",
        changes_rows.fetch_rows,
        changes.build_sheet,
        fields=("day",),
        counts_closings=True,
        counts_seen=True,
        behind=NumbersBehind(changes_rows.fetch_behind, changes.title_behind),
    ),
    ReportDefinition("ageing", "Stage ageing", ageing_rows.fetch_rows, ageing.build_sheet, has_period=False),
    ReportDefinition(
        "funnel",
        "Funnel",
        funnel_rows.fetch_rows,
        funnel.build_sheet,
        behind=NumbersBehind(funnel_rows.fetch_behind, funnel.title_behind),
    ),
    ReportDefinition("owners", "By owner", owners_rows.fetch_rows, owners.build_sheet, counts_closings=True),
    ReportDefinition(
        "data-quality", "Data quality", quality_rows.fetch_rows, quality.build_sheet, has_period=False
    ),
    ReportDefinition(
        "velocity",
        "Velocity",
        velocity_rows.fetch_rows,
        velocity.build_sheet,
        usual_period="last-12-months",
        counts_closings=True,
    ),
)
# In the order of the tabs.
REPORTS = {definition.slug: definition for definition in _DEFINITIONS}
