from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce

from opportunities.reports.ageing import Ageing, ageing
from opportunities.reports.rows import Age
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import DaysSince, days_over, longest_over
from .report import DEAR, PLACE, Report

LISTED = 50


def ageing_of(report: Report) -> Ageing:
    rows = report.open_deals().annotate(since=IN_STAGE_SINCE)
    counted = (
        rows.annotate(place=PLACE, age=DaysSince(F("since"), report.now))
        .values_list("place", "age")
        .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
    )
    ages = [Age(*row) for row in counted]
    stuck = rows.filter(longest_over(report, _shown_from(report, ages))).annotate(over=days_over(report))
    chosen = {
        id: stage
        for id, stage in report.on.stages.items()
        if not report.asked.pipeline or stage.pipeline == report.asked.pipeline
    }
    return ageing(
        ages=ages,
        stages=chosen,
        lines=report.lines(stuck.order_by("-over", *DEAR).values_list("pk", flat=True)[:LISTED]),
    )


def _shown_from(report: Report, ages: Sequence[Age]) -> int:
    """How many days over its limit a deal must be to be among the first LISTED: what the ages already tell,
    so that the database need not put half of all deals in order.
    """
    over: Counter[int] = Counter()
    for age in ages:
        stage = report.on.stages.get(age.stage)
        over[age.days - (stage.limit if stage else settings.STALE_AFTER_DAYS) + 1] += age.deals
    found = 0
    for days in sorted((days for days in over if days > 0), reverse=True):
        found += over[days]
        if found >= LISTED:
            return days
    return 1
