"""How long deals have been in their stage, reckoned by the database."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import BigIntegerField, Case, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable, Func

from opportunities.reports.rows import OPEN

from .query import ReportQuery


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


class Epoch(Func):
    """Whole seconds since 1970, so that days are reckoned from seconds and never from rounded parts."""

    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="CAST(FLOOR(EXTRACT(EPOCH FROM %(expressions)s)) AS BIGINT)"
        )


def _stages_by_limit(query: ReportQuery) -> dict[int, list[str]]:
    """Open stages alone have a limit."""
    stages: dict[int, list[str]] = {}
    for stage in query.scope.stages.values():
        if stage.meaning == OPEN:
            stages.setdefault(stage.limit, []).append(stage.id)
    return stages


def days_over(query: ReportQuery) -> Combinable:
    """Days over the limit of the stage, and one more: positive when stale. Needs `since`."""
    limits = _stages_by_limit(query)
    cases = [When(stage_id__in=ids, then=Value(limit)) for limit, ids in limits.items()]
    limit = Case(*cases, default=Value(settings.STALE_AFTER_DAYS), output_field=IntegerField())
    return DaysSince(F("since"), query.now) - limit + Value(1)


def is_over_by(query: ReportQuery, days: int) -> Q:
    """At least so many `days_over`, by comparing moments, which indexes know. Needs `since`."""
    second = query.now.replace(microsecond=0) + timedelta(seconds=1)
    return _has_been_longer(query, second - timedelta(days=days - 1))


def is_stale(query: ReportQuery) -> Q:
    """Longer in its stage than its limit, as on the board (`selectors.selection.is_stale`). Needs `since`."""
    return _has_been_longer(query, query.now)


def _has_been_longer(query: ReportQuery, now: datetime) -> Q:
    longer = Q(pk__in=[])
    limited: list[str] = []
    for limit, ids in _stages_by_limit(query).items():
        longer |= Q(stage_id__in=ids, since__lt=now - timedelta(days=limit))
        limited += ids
    unknown = Q(since__lt=now - timedelta(days=settings.STALE_AFTER_DAYS))
    return longer | (~Q(stage_id__in=limited) & unknown)
