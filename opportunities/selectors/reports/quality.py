from collections.abc import Mapping
from itertools import compress

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Sum, When
from django.db.models.functions import Coalesce

from opportunities.models import Member, Opportunity, UnreadableRecord
from opportunities.reports import quality
from opportunities.reports.quality import QualityRows, UnreadableField
from opportunities.selectors.households import is_lost
from opportunities.selectors.selection import IN_STAGE_SINCE
from opportunities.wording import deals as deal_words

from .ages import is_stale
from .lines import MOST_LISTED
from .query import BY_VALUE, ReportQuery

FIRST_LINES = 10
ANY_UNREADABLE = "any_unreadable"


def fetch_rows(query: ReportQuery) -> QualityRows:
    """The first few deals of each problem, or more deals of the one problem the filters show."""
    only = query.filters.show
    rows = query.open_deals().annotate(since=IN_STAGE_SINCE)
    problems = _problems(query)
    deals, bad, counts = _counted(rows, problems)
    # Known with the counts, so that nothing more is asked while everything can be read.
    is_odd = counts.pop(ANY_UNREADABLE)[0] > 0 or not deals
    most = MOST_LISTED if only else FIRST_LINES
    first = {
        key: list(rows.filter(problem).order_by(*BY_VALUE).values_list("pk", flat=True)[:most])
        for key, problem in problems.items()
        if counts[key][0] and only in ("", key)
    }
    lines = {line.id: line for line in query.deal_lines(sorted({id for ids in first.values() for id in ids}))}
    return QualityRows(
        open=deals,
        clean=deals - bad,
        counts=counts,
        unreadable=_unreadable_fields(query) if is_odd else (),
        lines={key: [lines[id] for id in ids if id in lines] for key, ids in first.items()},
    )


def _unreadable_fields(query: ReportQuery) -> list[UnreadableField]:
    """Of every kind of record in the books asked for; of no book, and raw forms, for managers alone."""
    is_manager = query.scope.person.is_manager
    books = [*query.deal_scope.books, *([""] if is_manager and not query.filters.book else [])]
    rows = UnreadableRecord.objects.filter(book_id__in=books)[:MOST_LISTED]
    return [
        UnreadableField(
            f"{row.label} ({row.name})" if row.name else row.label,
            deal_words.place(name),
            raw if is_manager else "",
        )
        for row in rows
        for name, raw in row.fields.items()
    ]


def _counted(
    rows: QuerySet[Opportunity], problems: Mapping[str, Q]
) -> tuple[int, int, dict[str, tuple[int, int]]]:
    """How many deals there are, how many have a problem, and deals and value of each problem. One query.

    Under ANY_UNREADABLE all deals are counted while any record of Slant's cannot be read.
    """
    flags = {
        f"is_{key.replace('-', '_')}": Case(When(problem, then=1), default=0, output_field=IntegerField())
        for key, problem in problems.items()
    }
    any_unreadable = Case(When(Exists(UnreadableRecord.objects.all()), then=1), default=0)
    flags[f"is_{ANY_UNREADABLE}"] = any_unreadable
    groups = rows.annotate(**flags).values_list(*flags).annotate(n=Count("pk"), v=Coalesce(Sum("value"), 0))
    deals = bad = 0
    counts = dict.fromkeys((*problems, ANY_UNREADABLE), (0, 0))
    for *has, number, value in groups:
        deals += number
        bad += number if any(has[:-1]) else 0
        for key in compress(counts, has):
            counts[key] = (counts[key][0] + number, counts[key][1] + value)
    return deals, bad, counts


def _problems(query: ReportQuery) -> dict[str, Q]:
    membership = Member.objects.filter(book_id=OuterRef("book_id"), user_id=OuterRef("assigned_to_id"))
    return {
        quality.PASSED: Q(target_close_date__lt=query.today),
        quality.NO_VALUE: Q(value=None),
        quality.NO_DATE: Q(target_close_date=None),
        quality.NO_HOUSEHOLD: Q(household=None),
        quality.HOUSEHOLD_LOST: is_lost(query.scope.person),
        quality.LEFT: ~Q(assigned_to_id="") & ~Q(Exists(membership)),
        quality.STALE: is_stale(query),
        quality.UNREADABLE: ~Q(unreadable=""),
    }
