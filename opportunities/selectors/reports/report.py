"""What a report is asked with, and the rows every report is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from opportunities.models import Opportunity, OpportunityVersion
from opportunities.periods import Period
from opportunities.reports.rows import Asked, Closing, Line, Made, Pile
from opportunities.selectors.selection import IN_STAGE_SINCE

from . import history
from .ground import Ground, scope_of
from .history import Scope, Span

FIRST_LOAD = timedelta(days=1)
TICK = timedelta(microseconds=1)
# The dearest first, those without a value last.
DEAR = (F("value").desc(nulls_last=True), "pk")
COLUMNS = {"owner": "assigned_to_id", "book": "book_id"}
# Wrapped, so that no index is walked for its order of stages alone.
PLACE = Coalesce("stage_id", "stage_id")
# What a `Pile` holds, counted by a column of the indexes that hold the rest (`opportunity_report`,
# `version_at`).
SUMMED = ("deals", "valueless", "value", "own_weighted", "rest", "rest_value")
SUMS = {
    "n_deals": Count("stage_id"),
    "n_valueless": Count("stage_id", filter=Q(value=None)),
    "s_value": Coalesce(Sum("value"), 0),
    "s_weighted": Coalesce(Sum(F("value") * F("probability"), output_field=BigIntegerField()), 0),
    "n_rest": Count("stage_id", filter=Q(probability=None, value__isnull=False)),
    "s_rest": Coalesce(Sum("value", filter=Q(probability=None)), 0),
}


@dataclass(frozen=True)
class Report:
    """Everything a report is asked with. One is made for each request; what it reads is read once."""

    on: Ground
    asked: Asked
    period: Period
    now: datetime

    @cached_property
    def scope(self) -> Scope:
        return scope_of(self.on, self.asked)

    @property
    def today(self) -> date:
        return timezone.localdate(self.now)

    @cached_property
    def known_from(self) -> datetime | None:
        """The moment from which history is whole; None when there is none yet.

        The first load takes its time and brings deals that were there before: it is over with the last of
        them.
        """
        first: datetime | None = OpportunityVersion.objects.aggregate(first=Min("valid_from"))["first"]
        if first is None:
            return None
        earlier = OpportunityVersion.objects.filter(
            opportunity_id=OuterRef("opportunity_id"), valid_to=OuterRef("valid_from")
        )
        loaded = OpportunityVersion.objects.filter(
            ~Exists(earlier), valid_from__gte=first, valid_from__lt=first + FIRST_LOAD, created_at__lt=first
        )
        last = loaded.order_by("-valid_from").values_list("valid_from", flat=True).first()
        return last or first

    # Moments

    def start(self, day: date) -> datetime:
        return timezone.make_aware(datetime.combine(day, time.min))

    def span(self, period: Period) -> Span:
        """From the period's first moment to its last, neither before history nor after now. Empty: nothing is
        known.
        """
        first, last = self.start(period.first), min(self.start(period.end), self.now + TICK)
        if self.known_from:
            first = max(first, self.known_from + TICK)
        return Span(min(first, last), last)

    def moments_of(self, buckets: Sequence[Period]) -> list[datetime]:
        """The edges of `buckets` that follow each other, one more than there are."""
        return [self.start(each.first) for each in buckets] + [self.start(buckets[-1].end)]

    def placed(self, buckets: Sequence[Period]) -> tuple[list[datetime], dict[int, int]]:
        """The edges of `buckets`, also where days lie between two of them, and which stretch between edges is
        which.
        """
        stretches: list[Period] = []
        places: dict[int, int] = {}
        for place, bucket in enumerate(buckets):
            if stretches and stretches[-1].end < bucket.first:
                stretches.append(Period(stretches[-1].end, bucket.first - timedelta(days=1)))
            places[len(stretches)] = place
            stretches.append(bucket)
        return self.moments_of(stretches), places

    # Rows of today

    def deals(self) -> QuerySet[Opportunity]:
        """Deals in Slant now, within the filters."""
        chosen = Q(gone_at=None, book_id__in=self.scope.books)
        if self.scope.pipeline:
            chosen &= Q(pipeline_id=self.scope.pipeline)
        if self.scope.owners is not None:
            chosen &= Q(assigned_to_id__in=self.scope.owners)
        return Opportunity.objects.filter(chosen).order_by()

    def open_deals(self) -> QuerySet[Opportunity]:
        return self.deals().exclude(stage_id__in=self.on.closed_stages)

    def piles(self, rows: QuerySet[Any], *by: str, stale: Q | None = None) -> list[Pile]:
        """`rows` counted by stage and `by` (`owner`, `book`); `stale` says which of them count as that."""
        names, more = [COLUMNS[each] for each in by], {}
        if stale is not None:
            more["n_stale"] = Count("stage_id", filter=stale)
        found = rows.annotate(place=PLACE).values_list("place", *names).annotate(**SUMS, **more)
        keys = ("stage", *by, *SUMMED, *(("stale",) if more else ()))
        return [Pile(**dict(zip(keys, row, strict=True))) for row in found]

    def piles_at(self, moment: datetime, *by: str) -> list[Pile]:
        """The deals as they were just before `moment`, counted by stage. Two queries, one index each."""
        return [
            pile
            for lasted in (Q(valid_to=None), Q(valid_to__gte=moment))
            for pile in self.piles(self.versions_at(moment, lasted), *by)
        ]

    def back(self, edges: Sequence[datetime]) -> list[list[Pile]]:
        """For each stretch between `edges`: what added to the deals as they were at its end makes those at
        its beginning.

        What began in it goes, what ended in it comes back. Two queries, one index each.
        """
        stretches: list[list[Pile]] = [[] for _ in edges[1:]]
        if not stretches:
            return []
        for column, taken in (("valid_from", True), ("valid_to", False)):
            span = {f"{column}__gte": edges[0], f"{column}__lt": edges[-1]}
            rows = self.versions().filter(**span).annotate(place=PLACE, bucket=_bucket(column, edges))
            for bucket, *row in rows.values_list("bucket", "place").annotate(**SUMS):
                pile = Pile(**dict(zip(("stage", *SUMMED), row, strict=True)))
                stretches[bucket].append(-pile if taken else pile)
        return stretches

    def versions(self) -> QuerySet[Any]:
        """Versions of deals within the filters.

        Wrapped columns (`began`, `kept_in`) are compared but not searched by: one index (`version_at`,
        `version_from`) holds all that is added up, and every other would be followed to the rows of half the
        history.
        """
        rows = OpportunityVersion.objects.annotate(
            began=Coalesce("valid_from", "valid_from"), kept_in=Coalesce("book_id", "book_id")
        )
        chosen = Q(gone=False, kept_in__in=self.scope.books)
        if self.scope.pipeline:
            chosen &= Q(pipeline_id=self.scope.pipeline)
        if self.scope.owners is not None:
            chosen &= Q(assigned_to_id__in=self.scope.owners)
        return rows.filter(chosen).order_by()

    def versions_at(self, moment: datetime, lasted: Q | None = None) -> QuerySet[OpportunityVersion]:
        lasted = lasted or Q(valid_to=None) | Q(valid_to__gte=moment)
        return self.versions().filter(lasted, began__lt=moment)

    def made(self, buckets: Sequence[Period], *by: str) -> list[Made]:
        """Deals created in `buckets`, by the day Slant says."""
        edges, places = self.placed(buckets)
        rows = self.deals().filter(created_at__gte=edges[0], created_at__lt=edges[-1])
        # Wrapped, so that no index is walked for its order of owners alone.
        wrapped = {f"by_{each}": Coalesce(COLUMNS[each], COLUMNS[each]) for each in by}
        found = (
            rows.annotate(bucket=_bucket("created_at", edges), **wrapped)
            .values_list("bucket", *wrapped)
            .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
        )
        keys = ("bucket", *by, "deals", "value")
        rows_made = (Made(**dict(zip(keys, row, strict=True))) for row in found)
        return [replace(row, bucket=places[row.bucket]) for row in rows_made if row.bucket in places]

    def closings(self, buckets: Sequence[Period], *by: str) -> list[Closing]:
        edges, places = self.placed(buckets)
        found = history.closings(self.scope, edges, by)
        return [replace(row, bucket=places[row.bucket]) for row in found if row.bucket in places]

    # Deals one by one

    def lines(self, chosen: Iterable[str]) -> list[Line]:
        """The deals of today with these ids, in their order. One query.

        Which deals are shown an index may tell; the rest of them is fetched only for those.
        """
        ids = list(chosen)
        rows = Opportunity.objects.filter(pk__in=ids) if ids else Opportunity.objects.none()
        found = rows.annotate(since=IN_STAGE_SINCE).values_list(
            "pk", "name", "household__name", "assigned_to_id", "assigned_to_name", "book_id", "stage_id", "value",
            "target_close_date", "since", "created_at",
        )  # fmt: skip
        lines = {
            id: Line(
                id=id,
                name=name,
                household=household or "",
                owner=owner,
                owner_name=self.on.members.get(owner) or owner_name,
                book=book,
                book_name=self.on.books.get(book, ""),
                stage=self.stage_name(stage),
                value=value,
                close=close,
                days=(self.now - since).days,
                limit=self.on.stages[stage].limit if stage in self.on.stages else None,
                made=made,
            )
            for id, name, household, owner, owner_name, book, stage, value, close, since, made in found
        }
        return [lines[id] for id in ids if id in lines]

    def stage_name(self, stage: str) -> str:
        known = self.on.stages.get(stage)
        return known.name if known else ""


def _bucket(column: str, edges: Sequence[Any]) -> Case:
    """The number of the stretch between `edges` a column lies in; it must lie within the first and the last."""
    return Case(
        *(When(**{f"{column}__lt": edge}, then=Value(place)) for place, edge in enumerate(edges[1:-1])),
        default=Value(len(edges) - 2),
        output_field=IntegerField(),
    )
