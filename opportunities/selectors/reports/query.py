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
from opportunities.reports.rows import (
    Creation,
    DealLine,
    ReportFilters,
    ReportStage,
    StageCount,
)
from opportunities.selectors.households import household_text
from opportunities.selectors.selection import IN_STAGE_SINCE

from .history import DealScope, Span
from .scope import ReportScope

FIRST_LOAD = timedelta(days=1)
TICK = timedelta(microseconds=1)
# The most valuable first, those without a value last.
BY_VALUE = (F("value").desc(nulls_last=True), "pk")
COLUMNS = {"owner": "assigned_to_id", "book": "book_id"}
# Wrapped, so that the database walks no index for its order of stages alone.
STAGE = Coalesce("stage_id", "stage_id")
# The figures of a `StageCount`. The indexes `opportunity_report` and `version_at` hold every column of them.
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
class ReportQuery:
    """Everything a report is asked with. There is one for each request, which reads everything once."""

    scope: ReportScope
    filters: ReportFilters
    period: Period
    now: datetime

    @cached_property
    def deal_scope(self) -> DealScope:
        return self.scope.narrow(self.filters)

    @property
    def stages(self) -> dict[str, ReportStage]:
        """The stages of the pipeline asked for, or all."""
        return {
            id: stage
            for id, stage in self.scope.stages.items()
            if self.filters.pipeline in ("", stage.pipeline)
        }

    @property
    def meanings(self) -> dict[str, str]:
        """What every stage of the scope means."""
        return {id: stage.meaning for id, stage in self.scope.stages.items()}

    @property
    def today(self) -> date:
        return timezone.localdate(self.now)

    @cached_property
    def known_from(self) -> datetime | None:
        """The moment from which history is whole; None when there is none yet.

        The first load takes time and brings deals that existed before. History is whole once the last of
        them is in.
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
        """The period's moments that history knows, until now; an empty span where it knows none."""
        first, last = self.start(period.first), min(self.start(period.end), self.now + TICK)
        if self.known_from:
            first = max(first, self.known_from + TICK)
        return Span(min(first, last), last)

    def edges_of(self, buckets: Sequence[Period]) -> list[datetime]:
        """The edges of `buckets` that follow each other, one more than there are buckets."""
        return [self.start(bucket.first) for bucket in buckets] + [self.start(buckets[-1].end)]

    def edges_and_places(self, buckets: Sequence[Period]) -> tuple[list[datetime], dict[int, int]]:
        """The edges of `buckets`, which may have days between them, and the bucket of each stretch."""
        stretches: list[Period] = []
        places: dict[int, int] = {}
        for place, bucket in enumerate(buckets):
            if stretches and stretches[-1].end < bucket.first:
                stretches.append(Period(stretches[-1].end, bucket.first - timedelta(days=1)))
            places[len(stretches)] = place
            stretches.append(bucket)
        return self.edges_of(stretches), places

    # Rows of today

    def deals(self) -> QuerySet[Opportunity]:
        """Deals in Slant now, within the filters."""
        chosen = Q(gone_at=None, book_id__in=self.deal_scope.books)
        if self.deal_scope.pipeline:
            chosen &= Q(pipeline_id=self.deal_scope.pipeline)
        if self.deal_scope.owners is not None:
            chosen &= Q(assigned_to_id__in=self.deal_scope.owners)
        return Opportunity.objects.filter(chosen).order_by()

    def open_deals(self) -> QuerySet[Opportunity]:
        return self.deals().exclude(stage_id__in=self.scope.closed_stages)

    def count_by_stage(self, rows: QuerySet[Any], *by: str, stale: Q | None = None) -> list[StageCount]:
        """`rows` counted by stage and `by` (`owner`, `book`). `stale` says which of them are stale."""
        names, more = [COLUMNS[name] for name in by], {}
        if stale is not None:
            more["n_stale"] = Count("stage_id", filter=stale)
        groups = rows.annotate(place=STAGE).values_list("place", *names).annotate(**SUMS, **more)
        keys = ("stage", *by, *SUMMED, *(("stale",) if more else ()))
        return [StageCount(**dict(zip(keys, row, strict=True))) for row in groups]

    def counts_at(self, moment: datetime) -> list[StageCount]:
        """The deals as they were just before `moment`, counted by stage. Two queries, one index each."""
        return [
            count
            for lasted in (Q(valid_to=None), Q(valid_to__gte=moment))
            for count in self.count_by_stage(self.versions_at(moment, lasted))
        ]

    def steps_back(self, edges: Sequence[datetime]) -> list[list[StageCount]]:
        """For each stretch between `edges`: what leads from the deals at its end to those at its beginning.

        What began in it is taken away, what ended in it is added. Two queries, one index each.
        """
        stretches: list[list[StageCount]] = [[] for _ in edges[1:]]
        if not stretches:
            return []
        for column, is_beginning in (("valid_from", True), ("valid_to", False)):
            span = {f"{column}__gte": edges[0], f"{column}__lt": edges[-1]}
            rows = self.versions().filter(**span).annotate(place=STAGE, bucket=bucket_of(column, edges))
            for bucket, *row in rows.values_list("bucket", "place").annotate(**SUMS):
                count = StageCount(**dict(zip(("stage", *SUMMED), row, strict=True)))
                stretches[bucket].append(-count if is_beginning else count)
        return stretches

    def versions(self) -> QuerySet[Any]:
        """Versions of deals within the filters.

        The database compares wrapped columns (`began`, `kept_in`) but does not search by them. So it reads
        the one index that holds all that is added up (`version_at`, `version_from`), and no other, which
        would lead to the rows of half the history.
        """
        rows = OpportunityVersion.objects.annotate(
            began=Coalesce("valid_from", "valid_from"), kept_in=Coalesce("book_id", "book_id")
        )
        chosen = Q(gone=False, kept_in__in=self.deal_scope.books)
        if self.deal_scope.pipeline:
            chosen &= Q(pipeline_id=self.deal_scope.pipeline)
        if self.deal_scope.owners is not None:
            chosen &= Q(assigned_to_id__in=self.deal_scope.owners)
        return rows.filter(chosen).order_by()

    def versions_at(self, moment: datetime, lasted: Q | None = None) -> QuerySet[OpportunityVersion]:
        lasted = lasted or Q(valid_to=None) | Q(valid_to__gte=moment)
        return self.versions().filter(lasted, began__lt=moment)

    def creations(self, buckets: Sequence[Period], *by: str) -> list[Creation]:
        """Deals created in `buckets`, by the day Slant says."""
        edges, places = self.edges_and_places(buckets)
        rows = self.deals().filter(created_at__gte=edges[0], created_at__lt=edges[-1])
        # Wrapped, so that the database walks no index for its order of owners alone.
        wrapped = {f"by_{name}": Coalesce(COLUMNS[name], COLUMNS[name]) for name in by}
        groups = (
            rows.annotate(bucket=bucket_of("created_at", edges), **wrapped)
            .values_list("bucket", *wrapped)
            .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
        )
        keys = ("bucket", *by, "deals", "value")
        created = (Creation(**dict(zip(keys, row, strict=True))) for row in groups)
        return [replace(row, bucket=places[row.bucket]) for row in created if row.bucket in places]

    # Deals one by one

    def deal_lines(self, chosen: Iterable[str]) -> list[DealLine]:
        """The deals of today with these ids, in their order. One query.

        An index finds the ids to show, so their other columns are fetched for these deals alone.
        """
        ids = list(chosen)
        rows = Opportunity.objects.filter(pk__in=ids) if ids else Opportunity.objects.none()
        text = household_text(self.scope.person)
        deals = rows.annotate(since=IN_STAGE_SINCE, household_text=text).values_list(
            "pk", "name", "household_text", "assigned_to_id", "assigned_to_name", "book_id", "stage_id",
            "value", "target_close_date", "since", "created_at",
        )  # fmt: skip
        lines = {
            id: DealLine(
                id=id,
                name=name,
                household=household,
                owner=owner,
                owner_name=self.scope.members.get(owner) or owner_name,
                book=book,
                book_name=self.scope.books.get(book, ""),
                stage=self.stage_name(stage),
                value=value,
                close=close,
                days=(self.now - since).days,
                limit=self.scope.stages[stage].limit if stage in self.scope.stages else None,
                created=created,
            )
            for id, name, household, owner, owner_name, book, stage, value, close, since, created in deals
        }
        return [lines[id] for id in ids if id in lines]

    def stage_name(self, stage: str) -> str:
        details = self.scope.stages.get(stage)
        return details.name if details else ""


def bucket_of(column: str, edges: Sequence[Any]) -> Case:
    """The number of the stretch between `edges` that a column lies in, within the first and the last."""
    return Case(
        *(When(**{f"{column}__lt": edge}, then=Value(place)) for place, edge in enumerate(edges[1:-1])),
        default=Value(len(edges) - 2),
        output_field=IntegerField(),
    )
