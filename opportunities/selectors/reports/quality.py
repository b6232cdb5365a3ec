from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from opportunities.models import Member
from opportunities.reports import quality as cleaning
from opportunities.reports.quality import Quality, quality
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import is_stale
from .lines import BEHIND
from .report import Report

FIRST_LINES = 10


def quality_of(report: Report, only: str = "") -> Quality:
    """`only` one problem with more of its deals, or the first few of each."""
    rows = report.open_deals().annotate(since=IN_STAGE_SINCE)
    problems = _problems(report)
    any_of = Q(pk__in=[])
    sums: dict[str, Any] = {}
    for key, problem in problems.items():
        any_of |= problem
        name = key.replace("-", "_")
        sums[f"n_{name}"] = Count("pk", filter=problem)
        sums[f"v_{name}"] = Coalesce(Sum("value", filter=problem), 0)
    found = rows.aggregate(open=Count("pk"), bad=Count("pk", filter=any_of), **sums)
    counts = {
        key: (found[f"n_{key.replace('-', '_')}"], found[f"v_{key.replace('-', '_')}"]) for key in problems
    }
    dear = (F("value").desc(nulls_last=True), "pk")
    lines = {
        key: report.lines(rows.filter(problem).order_by(*dear), BEHIND if only else FIRST_LINES)
        for key, problem in problems.items()
        if counts[key][0] and only in ("", key)
    }
    return quality(open=found["open"], clean=found["open"] - found["bad"], counts=counts, lines=lines)


def _problems(report: Report) -> dict[str, Any]:
    here = Member.objects.filter(book_id=OuterRef("book_id"), user_id=OuterRef("assigned_to_id"))
    return {
        cleaning.PASSED: Q(target_close_date__lt=report.today),
        cleaning.NO_VALUE: Q(value=None),
        cleaning.NO_DATE: Q(target_close_date=None),
        cleaning.NO_HOUSEHOLD: Q(household=None),
        cleaning.LEFT: ~Q(assigned_to_id="") & ~Exists(here),
        cleaning.NO_MOVE: is_stale(report),
    }
