"""What changed between two days, and the board of a past day."""

from collections.abc import Sequence
from datetime import date, timedelta

from django.db.models import F

from opportunities.models import Household
from opportunities.reports import changes as changing
from opportunities.reports.changes import Changes
from opportunities.reports.rows import Line, Pile

from . import history
from .lines import BEHIND, lines_of
from .report import TICK, Report

LARGEST = 10


def changes_of(report: Report) -> Changes:
    span = report.span(report.period)
    together, largest = history.movements(report.scope, span, report.known_from, LARGEST)
    return changing.changes(
        opening=report.piles_at(span.first),
        movements=together,
        closing=report.piles_at(span.last),
        stages=report.on.stages,
        largest=_effects(report, largest)[:LARGEST],
    )


def behind_changes(report: Report, step: str) -> list[Line]:
    """The changes behind one step, those with the largest effect first."""
    found = history.single(report.scope, report.span(report.period), report.known_from)
    return _effects(report, found, step)


def _effects(report: Report, found: Sequence[history.Change], step: str = "") -> list[Line]:
    """What each change did to the open pipeline, step by step; only `step` if one is named."""
    told = [
        (change, key, effect)
        for change in found
        for key, effect in changing.effects(change.movement)
        if not step or key == step
    ]
    return lines_of(report, sorted(told, key=lambda each: (-abs(each[2]), each[0].id)))


def board_at(report: Report, day: date) -> list[Pile]:
    """The whole board as `day` ended."""
    return report.piles_at(min(report.start(day + timedelta(days=1)), report.now + TICK))


def lines_at(report: Report, day: date, stage: str, most: int = BEHIND) -> list[Line]:
    """The deals of one stage as `day` ended, the most valuable first."""
    moment = min(report.start(day + timedelta(days=1)), report.now + TICK)
    rows = (
        report.versions_at(moment)
        .filter(stage_id=stage)
        .order_by(F("value").desc(nulls_last=True), "opportunity_id")
    )
    found = list(rows[:most])
    names = dict(
        Household.objects.filter(pk__in={row.household_id for row in found if row.household_id}).values_list(
            "pk", "name"
        )
    )
    return [
        Line(
            id=row.opportunity_id,
            name=row.name,
            household=names.get(row.household_id, ""),
            owner=row.assigned_to_id,
            owner_name=report.on.members.get(row.assigned_to_id, ""),
            book=row.book_id,
            book_name=report.on.books.get(row.book_id, ""),
            stage=report.stage_name(row.stage_id),
            value=row.value,
            close=row.target_close_date,
            effect=row.value,
        )
        for row in found
    ]
