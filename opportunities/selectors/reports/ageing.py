from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce

from opportunities.reports.ageing import Ageing, ageing
from opportunities.reports.rows import Age
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import DaysSince, days_over
from .report import Report


def ageing_of(report: Report) -> Ageing:
    rows = report.open_deals().annotate(since=IN_STAGE_SINCE)
    ages = (
        rows.annotate(age=DaysSince(F("since"), report.now))
        .values_list("stage_id", "age")
        .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
    )
    stuck = rows.annotate(over=days_over(report)).filter(over__gt=0)
    chosen = {
        id: stage
        for id, stage in report.on.stages.items()
        if not report.asked.pipeline or stage.pipeline == report.asked.pipeline
    }
    return ageing(
        ages=[Age(*row) for row in ages],
        stages=chosen,
        lines=report.lines(stuck.order_by("-over", F("value").desc(nulls_last=True), "pk")),
    )
