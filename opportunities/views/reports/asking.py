"""From an address to a sheet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.http import Http404
from django.utils import timezone

from opportunities.forms.reports import ReportForm
from opportunities.models import Person
from opportunities.periods import Period, compared
from opportunities.reports import telling
from opportunities.reports.sheets import Links, Sheet
from opportunities.reports.telling import About
from opportunities.selectors import reports as selecting
from opportunities.selectors.reports import Report
from opportunities.views.requests import PageRequest
from opportunities.wording import reports as wording

from .links import PageLinks

# Which period a report begins with; what only knows today has none.
USUAL = {"forecast": "this-and-next-quarter", "velocity": "last-12-months"}
TIMELESS = ("ageing", "data-quality")


@dataclass(frozen=True)
class Question:
    """Everything a report's address asks."""

    slug: str
    person: Person
    form: ReportForm
    report: Report
    links: Links
    query: Mapping[str, str] = field(default_factory=dict)


def asked_by(request: PageRequest, slug: str, links: Links | None = None) -> Question:
    if slug not in wording.TITLES:
        raise Http404
    person, now = request.person, timezone.now()
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


def about_of(asked: Question) -> About:
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
    return TOLD[asked.slug](asked, about_of(asked))


def filters(asked: Question) -> str:
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
