"""How long deals have been in their stage, reckoned by the database."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable, Func

from opportunities.reports.rows import OPEN

from .report import Report


class DaysSince(Func):
    """Whole days from a moment to another, as integers."""

    output_field = IntegerField()

    def __init__(self, moment: Combinable, now: datetime) -> None:
        super().__init__(moment)
        self.now = now

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        seconds = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        return self._days(compiler, connection, f"((%(epoch)s - {seconds}) / 86400)")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        seconds = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s))"
        return self._days(compiler, connection, f"(FLOOR((%(epoch)s - {seconds}) / 86400))::int")

    def _days(self, compiler: Any, connection: Any, template: str) -> Any:
        return self.as_sql(compiler, connection, template=template, epoch=int(self.now.timestamp()))


def _limits(report: Report) -> dict[int, list[str]]:
    """The stages by their limit; only open ones have one."""
    found: dict[int, list[str]] = {}
    for stage in report.on.stages.values():
        if stage.meaning == OPEN:
            found.setdefault(stage.limit, []).append(stage.id)
    return found


def days_over(report: Report) -> Combinable:
    """Days over the limit of the stage, and one more: positive when stuck."""
    cases = [When(stage_id__in=ids, then=Value(limit)) for limit, ids in _limits(report).items()]
    limit = Case(*cases, default=Value(settings.STALE_AFTER_DAYS), output_field=IntegerField())
    return DaysSince(F("since"), report.now) - limit + Value(1)


def longest_over(report: Report, days: int) -> Q:
    """At least so many `days_over`, told by moments, which indexes know; needs `since`."""
    second = report.now.replace(microsecond=0) + timedelta(seconds=1)
    over = Q(pk__in=[])
    known = []
    for limit, ids in _limits(report).items():
        over |= Q(stage_id__in=ids, since__lt=second - timedelta(days=limit + days - 1))
        known += ids
    usual = second - timedelta(days=settings.STALE_AFTER_DAYS + days - 1)
    return over | (~Q(stage_id__in=known) & Q(since__lt=usual))


def is_stale(report: Report) -> Q:
    """Longer in its stage than its limit; needs `since`. As on the board (`selectors.selection.is_stale`)."""
    stale = Q(pk__in=[])
    known = []
    for limit, ids in _limits(report).items():
        stale |= Q(stage_id__in=ids, since__lt=report.now - timedelta(days=limit))
        known += ids
    return stale | (
        ~Q(stage_id__in=known) & Q(since__lt=report.now - timedelta(days=settings.STALE_AFTER_DAYS))
    )
