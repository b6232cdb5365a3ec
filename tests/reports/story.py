"""Deals with a past: told as a few days, written as the versions, the mirrored deal and the totals they would
have left.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import QuerySet

from opportunities.mirror import meanings, totals
from opportunities.models import (
    Book,
    Household,
    Member,
    Opportunity,
    OpportunityVersion,
    Person,
    Pipeline,
    Role,
    Stage,
    StageTotal,
    SyncState,
)
from opportunities.periods import Period
from opportunities.reports import ageing, changes, forecast, funnel, overview, owners, quality, velocity
from opportunities.reports.ageing import Ageing
from opportunities.reports.changes import PipelineChanges
from opportunities.reports.forecast.numbers import Forecast
from opportunities.reports.funnel import Funnel
from opportunities.reports.overview.numbers import Overview
from opportunities.reports.owners import Owners
from opportunities.reports.quality import Quality
from opportunities.reports.rows import ReportFilters
from opportunities.reports.velocity import Velocity
from opportunities.selectors.reports.query import ReportQuery
from opportunities.selectors.reports.registry import REPORTS
from opportunities.selectors.reports.scope import fetch_scope
from tests.support.people import make_person

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KNOWN = date(2026, 6, 15)
A, B, C, WON, LOST, ARCHIVED, PARKED = "st_a", "st_b", "st_c", "st_won", "st_lost", "st_arch", "st_other"
OLIVIA, CARL, OTTO, LEFT = "us_owner", "us_colleague", "us_outsider", "us_left"
HARBOR, SUMMIT = "bk_harbor", "bk_summit"


def on(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@dataclass
class Desk:
    """Who looks, and the firm they look at."""

    manager: Person

    def query(
        self, first: date, last: date, *, person: Person | None = None, now: datetime = NOW, **filters: Any
    ) -> ReportQuery:
        return ReportQuery(
            fetch_scope(person or self.manager), ReportFilters(**filters), Period(first, last), now
        )


def make_desk() -> Desk:
    """One pipeline of three open stages; Olivia and Carl work in Harbor, Otto in Summit."""
    for id, name in ((HARBOR, "Harbor"), (SUMMIT, "Summit")):
        Book.objects.create(id=id, name=name, role="principal")
    for book, id, name in ((HARBOR, OLIVIA, "Olivia"), (HARBOR, CARL, "Carl"), (SUMMIT, OTTO, "Otto")):
        Member.objects.create(
            book_id=book,
            user_id=id,
            email=f"{name.lower()}@harbor.example",
            first_name=name,
            role="contributor",
        )
    Pipeline.objects.create(id="pl_desk", name="Desk", position=0)
    Pipeline.objects.create(id="pl_other", name="Other", position=1)
    stages = [
        (A, "First", 10),
        (B, "Second", 40),
        (C, "Third", 60),
        (WON, "Closed won", 100),
        (LOST, "Closed lost", 0),
        (ARCHIVED, "Archived", 0),
    ]
    for place, (id, name, chance) in enumerate(stages):
        Stage.objects.create(
            id=id,
            pipeline_id="pl_desk",
            name=name,
            stage_order=place,
            position=place,
            default_probability=chance,
        )
    Stage.objects.create(
        id=PARKED, pipeline_id="pl_other", name="Waiting", stage_order=0, position=0, default_probability=None
    )
    meanings.suggest(Stage.objects.all())
    Household.objects.create(id="hh_one", name="Okonkwo", book_id=HARBOR)
    for resource in ("books", "pipelines", "households", "opportunities"):
        SyncState.objects.create(resource=resource, started_at=NOW, finished_at=NOW)
    return Desk(make_person("Mona Manager", Role.MANAGER))


def tell(
    id: str,
    *chapters: tuple[datetime, dict[str, Any]],
    created: datetime,
    seen: datetime | None = None,
    **first: Any,
) -> None:
    """A deal as it was when first seen (`seen`: found later than it was created), and what each chapter
    changed.
    """
    state: dict[str, Any] = {
        "name": f"Deal {id}",
        "book_id": HARBOR,
        "pipeline_id": "pl_desk",
        "stage_id": A,
        "household_id": "hh_one",
        "assigned_to_id": OLIVIA,
        "value": None,
        "probability": None,
        "target_close_date": None,
        "stage_since": created,
        "created_at": created,
        "gone": False,
    }
    state |= first
    versions = [OpportunityVersion(opportunity_id=id, valid_from=seen or created, **state)]
    for at, changed in chapters:
        if changed.get("stage_id", state["stage_id"]) != state["stage_id"]:
            changed = {"stage_since": at} | changed
        state |= changed
        versions[-1].valid_to = at
        versions.append(OpportunityVersion(opportunity_id=id, valid_from=at, **state))
    OpportunityVersion.objects.bulk_create(versions)
    mirrored = {name: value for name, value in state.items() if name not in ("stage_since", "gone")}
    Opportunity.objects.create(
        id=id,
        **mirrored | {"household_id": state["household_id"] or None},
        stage_updated_at=state["stage_since"],
        first_seen_at=created,
        seen_at=NOW,
        gone_at=versions[-1].valid_from if state["gone"] else None,
    )


def settle() -> None:
    """Kept totals as the deals have them."""
    StageTotal.objects.all().delete()
    totals.recount(list(Stage.objects.values_list("pk", flat=True)), totals.lock())


def small_firm() -> None:
    """Thirty deals over two quarters. What comes of them is worked out by hand in test_small_firm.py."""
    known = datetime.combine(KNOWN, datetime.min.time(), UTC)

    def old(id: str, *chapters: tuple[datetime, dict[str, Any]], created: datetime, **first: Any) -> None:
        tell(id, *chapters, created=created, seen=known, **first)

    def to(stage: str, **also: Any) -> dict[str, Any]:
        return {"stage_id": stage, **also}

    k, u = {"assigned_to_id": CARL}, {"assigned_to_id": OTTO, "book_id": SUMMIT}
    old("d01", (on(7, 10), to(C)), (on(7, 20), to(WON)), created=on(5, 1), stage_id=B, value=100_000)
    old("d02", (on(8, 5), to(LOST)), created=on(6, 1), stage_id=B, value=200_000)
    old(
        "d03",
        (on(8, 1), to(B)),
        (on(9, 1), to(C)),
        (on(10, 15), to(WON, value=350_000)),
        created=on(6, 2),
        value=300_000,
        **k,
    )
    old("d04", created=on(6, 10), value=400_000, target_close_date=date(2026, 12, 31), **k)
    old("d05", (on(11, 10), to(LOST)), created=on(6, 1), stage_id=C, value=500_000, **u)
    old("d06", (on(10, 1), to(ARCHIVED)), created=on(6, 3), value=50_000)
    old(
        "d07",
        (on(9, 1), {"value": 90_000}),
        created=on(6, 4),
        stage_id=B,
        value=60_000,
        target_close_date=date(2026, 11, 15),
        **k,
    )
    old(
        "d08",
        (on(7, 1), to(WON)),
        (on(11, 1), to(C)),
        created=on(6, 1),
        stage_id=B,
        value=80_000,
        target_close_date=date(2026, 12, 20),
        **u,
    )
    old("d09", created=on(6, 6))
    old(
        "d10",
        created=on(6, 7),
        stage_id=B,
        value=120_000,
        probability=50,
        target_close_date=date(2026, 12, 10),
    )
    tell("d11", (on(8, 1), to(B)), (on(9, 1), to(WON)), created=on(7, 5), value=150_000)
    tell("d12", (on(8, 20), to(LOST)), created=on(7, 10), value=250_000)
    tell(
        "d13", (on(10, 10), to(B)), created=on(8, 1), value=350_000, target_close_date=date(2027, 1, 31), **k
    )
    tell(
        "d14",
        (on(11, 5), {"value": 40_000}),
        created=on(8, 15),
        stage_id=B,
        value=70_000,
        target_close_date=date(2026, 12, 20),
        **k,
    )
    tell("d15", (on(10, 1), to(C)), (on(11, 20), to(WON)), created=on(9, 1), value=90_000, **u)
    tell("d16", (on(10, 10), {"gone": True}), created=on(9, 10), value=110_000, **u)
    tell("d17", (on(11, 1), k), created=on(9, 15), value=130_000, target_close_date=date(2026, 12, 15))
    tell(
        "d18",
        (on(11, 2), u),
        created=on(9, 20),
        stage_id=B,
        value=140_000,
        target_close_date=date(2026, 11, 30),
    )
    tell(
        "d19",
        (on(10, 20), to(B)),
        (on(11, 10), to(C)),
        created=on(10, 2),
        value=160_000,
        target_close_date=date(2026, 11, 30),
    )
    tell("d20", (on(10, 30), to(LOST)), created=on(10, 5), value=170_000)
    tell("d21", (on(11, 5), to(WON)), created=on(10, 10), stage_id=B, value=180_000, **k)
    tell("d22", created=on(10, 12), value=190_000, **k)
    tell(
        "d23",
        created=on(10, 15),
        stage_id=C,
        value=210_000,
        probability=80,
        target_close_date=date(2026, 12, 28),
        **k,
    )
    tell(
        "d24",
        (on(11, 15), {"value": 240_000}),
        created=on(10, 20),
        value=220_000,
        target_close_date=date(2027, 6, 30),
        **u,
    )
    tell("d25", created=on(11, 1), stage_id=B, value=230_000, target_close_date=date(2026, 12, 1), **u)
    tell("d26", created=on(11, 5), target_close_date=date(2026, 12, 1), **u)
    tell(
        "d27",
        created=on(11, 10),
        stage_id=B,
        value=260_000,
        household_id="",
        target_close_date=date(2027, 1, 10),
    )
    tell("d28", created=on(11, 20), value=270_000, target_close_date=date(2027, 2, 15), assigned_to_id=LEFT)
    tell("d29", created=on(11, 22), value=280_000, target_close_date=date(2026, 11, 24))
    tell("d30", (on(7, 15), to(ARCHIVED)), created=on(7, 1), value=20_000, **k)
    settle()


def overview_of(query: ReportQuery) -> Overview:
    return overview.calculate(REPORTS["overview"].fetch_rows(query))


def changes_of(query: ReportQuery) -> PipelineChanges:
    return changes.calculate(REPORTS["changes"].fetch_rows(query))


def forecast_of(query: ReportQuery) -> Forecast:
    return forecast.calculate(REPORTS["forecast"].fetch_rows(query))


def funnel_of(query: ReportQuery) -> Funnel:
    return funnel.calculate(REPORTS["funnel"].fetch_rows(query))


def ageing_of(query: ReportQuery) -> Ageing:
    return ageing.calculate(REPORTS["ageing"].fetch_rows(query))


def owners_of(query: ReportQuery) -> Owners:
    return owners.calculate(REPORTS["owners"].fetch_rows(query))


def quality_of(query: ReportQuery) -> Quality:
    return quality.calculate(REPORTS["data-quality"].fetch_rows(query))


def velocity_of(query: ReportQuery) -> Velocity:
    return velocity.calculate(REPORTS["velocity"].fetch_rows(query))


def open_then(moment: datetime, **where: str) -> QuerySet[OpportunityVersion]:
    """The open deals just before `moment`, found without the code under test."""
    rows = OpportunityVersion.objects.filter(valid_from__lt=moment, gone=False, **where).exclude(
        stage_id__in=(WON, LOST, ARCHIVED)
    )
    return rows.exclude(valid_to__lt=moment)
