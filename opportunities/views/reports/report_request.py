"""From an address to a report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils import timezone

from opportunities.forms.reports import ReportForm
from opportunities.models import Person
from opportunities.reports.context import SheetContext
from opportunities.reports.sheets import Links, Sheet
from opportunities.selectors.reports.query import ReportQuery
from opportunities.selectors.reports.registry import REPORTS, ReportDefinition
from opportunities.selectors.reports.scope import NOBODY, fetch_scope
from opportunities.views.requests import PageRequest

from .links import PageLinks


@dataclass(frozen=True)
class ReportRequest:
    """Everything a report's address asks for. `address` holds its filters as they were understood."""

    definition: ReportDefinition[Any]
    person: Person
    form: ReportForm
    query: ReportQuery
    links: Links
    address: Mapping[str, str]

    @property
    def slug(self) -> str:
        return self.definition.slug

    @cached_property
    def context(self) -> SheetContext:
        return self.definition.context_of(self.query, self.links)

    def build_sheet(self) -> Sheet:
        """For the page, the files and the tests."""
        return self.definition.sheet_of(self.query, self.context)


def read_request(request: PageRequest, slug: str, links: Links | None = None) -> ReportRequest:
    """`links` are those of the page, unless others are given."""
    definition = REPORTS.get(slug)
    if definition is None:
        raise Http404
    person, now = request.person, timezone.now()
    form = ReportForm(
        request.GET,
        usual=definition.usual_period,
        today=timezone.localdate(now),
        year_starts=settings.FISCAL_YEAR_START_MONTH,
    )
    scope = fetch_scope(person)
    address = form.address()
    if links is None:
        pipelines = {id: scope.stages[id].pipeline for id in scope.open_stages}
        links = PageLinks(slug, address, pipelines)
    query = ReportQuery(scope, form.filters, form.chosen_period, now)
    return ReportRequest(definition, person, form, query, links, address)


def describe_filters(report_request: ReportRequest, write_day: Callable[[date], str] = date.isoformat) -> str:
    """The filters in words. Files keep ISO days; the printed page writes them as the firm does."""
    scope, filters, period = (
        report_request.query.scope,
        report_request.query.filters,
        report_request.query.period,
    )
    owner = "nobody" if filters.owner == NOBODY else scope.members.get(filters.owner, filters.owner)
    named = (
        ("pipeline", scope.pipelines.get(filters.pipeline, filters.pipeline)),
        ("book", scope.books.get(filters.book, filters.book)),
        ("team of", scope.books.get(filters.team, filters.team)),
        ("owner", owner),
    )
    parts = (
        [f"{write_day(period.first)} to {write_day(period.last)}"]
        if report_request.definition.has_period
        else []
    )
    parts += [f"{name} {words}" for name, words in named if words]
    return ", ".join(parts) or "none"
