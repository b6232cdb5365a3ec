"""What changed between two days, and the board of a past day."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import F
from django.utils import timezone

from opportunities.periods import Period
from opportunities.reports.changes import STEPS, ChangesRows, split_steps
from opportunities.reports.rows import DealLine, StageCount
from opportunities.selectors.households import household_texts

from . import history
from .behind import DealsBehind
from .lines import MOST_LISTED, change_lines
from .query import TICK, ReportQuery

LARGEST = 10


def fetch_rows(query: ReportQuery) -> ChangesRows:
    span = query.span(query.period)
    together, largest = history.count_movements(query.deal_scope, span, query.known_from, LARGEST)
    return ChangesRows(
        period=_known_period(query),
        opening=query.counts_at(span.first),
        movements=together,
        closing=query.counts_at(span.last),
        stages=query.scope.stages,
        largest=_effects(query, largest)[:LARGEST],
    )


def _known_period(query: ReportQuery) -> Period:
    """What of the period has begun, and history knows."""
    period = query.period.until(query.today)
    first_day = timezone.localdate(query.known_from) if query.known_from else None
    return Period(first_day, period.last) if first_day and first_day in period else period


def fetch_behind(query: ReportQuery, key: str) -> DealsBehind | None:
    """The changes behind one step, those with the largest effect first; or a stage of the past day."""
    kind, _, stage = key.partition(":")
    if key in STEPS:
        changes = history.list_changes(query.deal_scope, query.span(query.period), query.known_from)
        lines = _effects(query, changes, key)
        return DealsBehind(lines[:MOST_LISTED], len(lines))
    if kind == "on" and stage in query.scope.stages and query.filters.day:
        lines = _lines_of_day(query, query.filters.day, stage)
        return DealsBehind(lines, len(lines))
    return None


def _effects(query: ReportQuery, changes: Sequence[history.DealChange], only: str = "") -> list[DealLine]:
    """What each change did to the open pipeline, step by step; `only` one step if it is named."""
    effects = [
        (change, step, effect)
        for change in changes
        for step, effect in split_steps(change.movement)
        if only in ("", step)
    ]
    return change_lines(query, sorted(effects, key=lambda row: (-abs(row[2]), row[0].id)))


def fetch_board(query: ReportQuery, day: date) -> list[StageCount]:
    """The whole board as `day` ended."""
    return query.counts_at(_end_of(query, day))


def _end_of(query: ReportQuery, day: date) -> datetime:
    return min(query.start(day + timedelta(days=1)), query.now + TICK)


def _lines_of_day(query: ReportQuery, day: date, stage: str) -> list[DealLine]:
    """The deals of one stage as `day` ended, the most valuable first."""
    versions = query.versions_at(_end_of(query, day)).filter(stage_id=stage)
    rows = list(versions.order_by(F("value").desc(nulls_last=True), "opportunity_id")[:MOST_LISTED])
    names = household_texts(query.scope.person, (row.household_id for row in rows))
    return [
        DealLine(
            id=row.opportunity_id,
            name=row.name,
            household=names.get(row.household_id, ""),
            owner=row.assigned_to_id,
            owner_name=query.scope.members.get(row.assigned_to_id, ""),
            book=row.book_id,
            book_name=query.scope.books.get(row.book_id, ""),
            stage=query.stage_name(row.stage_id),
            value=row.value,
            close=row.target_close_date,
            effect=row.value,
        )
        for row in rows
    ]
