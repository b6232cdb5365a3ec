from collections import Counter
from collections.abc import Sequence

from django.conf import settings
from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce

from opportunities.reports.ageing import AgeingRows
from opportunities.reports.rows import AgeCount
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import DaysSince, days_over, is_over_by
from .query import BY_VALUE, STAGE, ReportQuery

LISTED = 50


def fetch_rows(query: ReportQuery) -> AgeingRows:
    rows = query.open_deals().annotate(since=IN_STAGE_SINCE)
    counted = (
        rows.annotate(place=STAGE, age=DaysSince(F("since"), query.now))
        .values_list("place", "age")
        .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
    )
    ages = [AgeCount(*row) for row in counted]
    stale = rows.filter(is_over_by(query, _least_days_over(query, ages))).annotate(over=days_over(query))
    first = stale.order_by("-over", *BY_VALUE).values_list("pk", flat=True)[:LISTED]
    return AgeingRows(ages, query.stages, query.deal_lines(first))


def _least_days_over(query: ReportQuery, ages: Sequence[AgeCount]) -> int:
    """How many days over its limit a deal must be to be among the first LISTED.

    The ages already tell, so the database need not put half of all deals in order.
    """
    over: Counter[int] = Counter()
    for age in ages:
        stage = query.scope.stages.get(age.stage)
        over[age.days - (stage.limit if stage else settings.STALE_AFTER_DAYS) + 1] += age.deals
    deals = 0
    for days in sorted((days for days in over if days > 0), reverse=True):
        deals += over[days]
        if deals >= LISTED:
            return days
    return 1
