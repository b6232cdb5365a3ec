from collections.abc import Mapping
from itertools import compress

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from opportunities.models import Member, Opportunity
from opportunities.reports import quality as cleaning
from opportunities.reports.quality import Quality, quality
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import is_stale
from .lines import BEHIND
from .report import DEAR, Report

FIRST_LINES = 10


def quality_of(report: Report, only: str = "") -> Quality:
    """`only` one problem with more of its deals, or the first few of each."""
    rows = report.open_deals().annotate(since=IN_STAGE_SINCE)
    problems = _problems(report)
    deals, bad, counts = _counted(rows, problems)
    most = BEHIND if only else FIRST_LINES
    first = {
        key: list(rows.filter(problem).order_by(*DEAR).values_list("pk", flat=True)[:most])
        for key, problem in problems.items()
        if counts[key][0] and only in ("", key)
    }
    lines = {line.id: line for line in report.lines(sorted({id for ids in first.values() for id in ids}))}
    return quality(
        open=deals,
        clean=deals - bad,
        counts=counts,
        lines={key: [lines[id] for id in ids if id in lines] for key, ids in first.items()},
    )


def _counted(
    rows: QuerySet[Opportunity], problems: Mapping[str, Q]
) -> tuple[int, int, dict[str, tuple[int, int]]]:
    """Deals, those with any problem, and deals and value of each. One query, that asks each deal for each
    problem once.
    """
    flags = {
        f"is_{key.replace('-', '_')}": Case(When(problem, then=1), default=0, output_field=IntegerField())
        for key, problem in problems.items()
    }
    found = rows.annotate(**flags).values_list(*flags).annotate(n=Count("pk"), v=Coalesce(Sum("value"), 0))
    deals = bad = 0
    counts = dict.fromkeys(problems, (0, 0))
    for *has, number, value in found:
        deals += number
        bad += number if any(has) else 0
        for key in compress(problems, has):
            counts[key] = (counts[key][0] + number, counts[key][1] + value)
    return deals, bad, counts


def _problems(report: Report) -> dict[str, Q]:
    here = Member.objects.filter(book_id=OuterRef("book_id"), user_id=OuterRef("assigned_to_id"))
    return {
        cleaning.PASSED: Q(target_close_date__lt=report.today),
        cleaning.NO_VALUE: Q(value=None),
        cleaning.NO_DATE: Q(target_close_date=None),
        cleaning.NO_HOUSEHOLD: Q(household=None),
        cleaning.LEFT: ~Q(assigned_to_id="") & ~Q(Exists(here)),
        cleaning.NO_MOVE: is_stale(report),
    }
