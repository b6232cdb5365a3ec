"""The deals behind a number."""

from dataclasses import dataclass, replace

from opportunities.periods import compared
from opportunities.reports import changes as changing
from opportunities.reports.funnel import fate_of
from opportunities.reports.rows import Line
from opportunities.selection import Selection
from opportunities.selectors.selection import deals

from . import history
from .changes import behind_changes, lines_at
from .history import Span
from .lines import BEHIND, lines_of
from .report import DEAR, Report

CLOSED = {"won": ("won",), "lost": ("lost",), "decided": ("won", "lost")}
FATES = ("entered", "moved_on", "lost", "archived", "back", "away", "here")


@dataclass(frozen=True)
class Behind:
    """The deals behind a number: `whole` is how many there are, `lines` the first of them."""

    lines: list[Line]
    whole: int


def behind(report: Report, slug: str, key: str) -> Behind | None:
    """What the number `key` of a report is made of; None for a key the report does not have."""
    what, _, where = key.partition(":")
    if slug == "changes" and key in changing.STEPS:
        lines = behind_changes(report, key)
        return Behind(lines[:BEHIND], len(lines))
    if slug == "changes" and what == "on" and where in report.on.stages and report.asked.day:
        lines = lines_at(report, report.asked.day, where)
        return Behind(lines, len(lines))
    if slug == "overview" and key in CLOSED:
        return _behind_closings(report, key)
    if slug == "overview" and key == "created":
        now, _ = compared(report.period, report.today)
        rows = report.deals().filter(
            created_at__gte=report.start(now.first), created_at__lt=report.start(now.end)
        )
        lines = report.lines(rows.order_by(*DEAR).values_list("pk", flat=True)[:BEHIND])
        created = [replace(line, effect=line.value, what="new", at=line.made) for line in lines]
        return Behind(created, rows.count())
    if slug == "funnel" and what in FATES and where in report.on.stages:
        return _behind_stays(report, what, where)
    return None


def open_behind(report: Report, selection: Selection) -> tuple[list[Line], int]:
    """Open deals of today within the report's filters and `selection`: the most valuable, and how many there
    are.
    """
    chosen = deals(report.on.person, selection, report.now)
    rows = report.open_deals().filter(pk__in=chosen.values("pk"))
    return report.lines(rows.order_by(*DEAR).values_list("pk", flat=True)[:BEHIND]), rows.count()


def _behind_closings(report: Report, key: str) -> Behind:
    now, _ = compared(report.period, report.today)
    span = Span(report.start(now.first), report.start(now.end))
    found, whole = history.closed(report.scope, span, CLOSED[key], BEHIND)
    lines = lines_of(
        report, [(change, change.movement.after, change.movement.after_value) for change in found]
    )
    return Behind(lines, whole)


def _behind_stays(report: Report, fate: str, stage: str) -> Behind:
    found = history.stays(report.scope, report.span(report.period), report.known_from, stage)
    wanted = [
        (change, report.stage_name(passage.then) or "Still there", change.movement.after_value)
        for change, passage in found
        if fate in ("entered", fate_of(passage, report.on.stages))
    ]
    return Behind(lines_of(report, wanted[:BEHIND]), len(wanted))
