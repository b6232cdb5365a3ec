"""Random histories of deals: what must hold of every report whatever happened, under every filter."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opportunities.models import OpportunityVersion
from opportunities.periods import compared
from opportunities.reports.rows import ReportFilters
from opportunities.selectors.reports.changes import fetch_behind
from opportunities.selectors.reports.query import ReportQuery
from tests.reports.story import (
    ARCHIVED,
    CARL,
    HARBOR,
    LOST,
    OLIVIA,
    OTTO,
    PARKED,
    SUMMIT,
    WON,
    A,
    B,
    C,
    Desk,
    changes_of,
    forecast_of,
    funnel_of,
    open_then,
    overview_of,
    owners_of,
    tell,
)

BEGIN = date(2026, 11, 1)
DAYS = 12
NOW = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=DAYS)
PLACES = [
    {"stage_id": stage, "pipeline_id": "pl_other" if stage == PARKED else "pl_desk"}
    for stage in (A, B, C, WON, LOST, ARCHIVED, PARKED)
]

state = st.fixed_dictionaries(
    {
        "place": st.sampled_from(PLACES),
        "assigned_to_id": st.sampled_from([OLIVIA, CARL, OTTO, ""]),
        "book_id": st.sampled_from([HARBOR, SUMMIT]),
        "value": st.none() | st.integers(0, 9).map(lambda number: number * 10_000),
        "gone": st.sampled_from([False, False, False, True]),
    }
)
# When something happens, in hours from the beginning; some of them in one moment.
story = st.tuples(
    st.lists(st.integers(0, DAYS * 24 - 1), min_size=1, max_size=5).map(sorted),
    st.lists(state, min_size=5, max_size=5),
    st.booleans(),
)
FILTERS: list[dict[str, Any]] = [
    {}, {"book": HARBOR}, {"pipeline": "pl_desk"}, {"owner": CARL}, {"owner": "none"}, {"team": HARBOR},
    {"team": HARBOR, "pipeline": "pl_other"},
]  # fmt: skip


@contextmanager
def undone() -> Iterator[None]:
    """Every example begins with no deals."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def write(stories: list[Any]) -> None:
    for number, (hours, states, found_late) in enumerate(stories):
        flat = [{**state["place"], **{k: v for k, v in state.items() if k != "place"}} for state in states]
        moments = [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]
        created = moments[0] - timedelta(days=400) if found_late else moments[0]
        tell(
            f"op_{number}",
            *zip(moments[1:], flat[1:], strict=False),
            created=created,
            seen=moments[0],
            **flat[0] | {"gone": False},
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(
    stories=st.lists(story, min_size=1, max_size=6), first=st.integers(0, DAYS - 1), more=st.integers(0, DAYS)
)
def test_the_waterfall_sums_under_every_filter_and_filters_partition_it(
    desk: Desk, stories: list[Any], first: int, more: int
) -> None:
    with undone():
        write(stories)
        period = (BEGIN + timedelta(days=first), BEGIN + timedelta(days=min(first + more, DAYS - 1)))
        told = {}
        for number, asked in enumerate(FILTERS):
            report = desk.query(*period, now=NOW, **asked)
            told[number] = changes_of(report)
            assert told[number].unexplained == 0, (asked, told[number])
            assert told[number].opening.deals >= 0
        span = desk.query(*period, now=NOW).span(desk.query(*period, now=NOW).period)
        for moment, found in ((span.first, told[0].opening), (span.last, told[0].closing)):
            rows = open_then(moment).exclude(valid_to=None, valid_from__gte=moment)
            lasting = [row for row in rows if row.valid_to is None or row.valid_to > row.valid_from]
            assert found.deals == len(lasting)
            assert found.value == sum(row.value or 0 for row in lasting)

        by_owner = [
            changes_of(desk.query(*period, now=NOW, owner=owner)) for owner in (OLIVIA, CARL, OTTO, "none")
        ]
        by_book = [changes_of(desk.query(*period, now=NOW, book=book)) for book in (HARBOR, SUMMIT)]
        for parts in (by_owner, by_book):
            for side in ("opening", "closing"):
                assert sum(getattr(part, side).value for part in parts) == getattr(told[0], side).value
            assert sum(sum(step.effect for step in part.steps) for part in parts) == sum(
                step.effect for step in told[0].steps
            )
        behind = fetch_behind(desk.query(*period, now=NOW), "won")
        assert behind
        assert (behind.whole, sum(line.effect or 0 for line in behind.lines)) == (
            told[0]["won"].deals,
            told[0]["won"].effect,
        )


def begun(report: ReportQuery) -> list[datetime]:
    """Where the stretches of the overview's sparklines begin."""
    now, before = compared(report.period, report.today)
    return [report.start(part.first) for part in (*before.slices(6), *now.slices(6))]


def open_value(report: ReportQuery, moment: datetime) -> int:
    """The open pipeline as it was at a moment, counted on its own."""
    stages = report.scope.stages
    return sum(pile.value for pile in report.counts_at(moment) if stages[pile.stage].meaning == "open")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=6)
@given(stories=st.lists(story, min_size=1, max_size=6))
def test_owners_books_and_stays_partition_what_everybody_has(desk: Desk, stories: list[Any]) -> None:
    with undone():
        write(stories)
        report = desk.query(BEGIN, NOW.date(), now=NOW)
        whole, seen = owners_of(report), overview_of(report)
        funnel = funnel_of(report)

        for sides in (whole.people, whole.books):
            assert sum(side.open.value for side in sides) == whole.all.open.value == seen.open_now.value
            assert (
                sum(side.open.weighted for side in sides) == whole.all.open.weighted == seen.open_now.weighted
            )
            assert sum(side.outcome.won_value for side in sides) == seen["won"].now
            assert sum(side.outcome.lost for side in sides) == seen["lost"].deals
        for flow in funnel.flows:
            parts = (flow.moved_on, flow.lost, flow.archived, flow.back, flow.away, flow.uncounted, flow.here)
            assert flow.entered == sum(parts)
        assert (funnel.won, funnel.lost) == (seen["won"].deals, seen["lost"].deals)
        assert all(pipeline.lost_before >= 0 for pipeline in funnel.pipelines)
        known = [start for start in begun(report) if report.known_from and start > report.known_from]
        assert seen["open"].trend == (*(open_value(report, start) for start in known), seen.open_now.value)
        by_owner = [
            funnel_of(ReportQuery(report.scope, ReportFilters(owner=owner), report.period, NOW))
            for owner in (OLIVIA, CARL, OTTO, "none")
        ]
        for flow in funnel.flows:
            assert sum(part[flow.stage].entered for part in by_owner) == flow.entered
        forecast = forecast_of(report)
        assert forecast.open.value == seen.open_now.value
        assert forecast.open.weighted == seen.open_now.weighted


@pytest.mark.usefixtures("desk")
def test_versions_of_one_moment_never_showed(desk: Desk) -> None:
    """Two changes noted at the same instant: the first of them lasted no time, and counts nowhere."""
    at = datetime(2026, 11, 3, tzinfo=UTC)
    tell(
        "op_1",
        (at, {"stage_id": WON}),
        (at, {"stage_id": LOST}),
        created=at - timedelta(days=1),
        value=10_000,
    )

    result = changes_of(desk.query(BEGIN, NOW.date(), now=NOW))

    assert OpportunityVersion.objects.count() == 3
    assert {step.key: step.deals for step in result.steps if step.deals} == {"lost": 1}
    assert result.unexplained == 0
