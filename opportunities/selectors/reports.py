"""The rows of each report, for one person and one set of filters, and the report made of them.

What is counted is counted by the database: a report costs the same few queries for a hundred deals as for a hundred
thousand. Reports of the past read versions (`report_history`), those of today the mirror. What a person may not see is in no row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    F,
    FloatField,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable, Func
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from opportunities.access import visible_books
from opportunities.models import (
    Household,
    Member,
    Opportunity,
    OpportunityVersion,
    Person,
    Stage,
    StageMeaning,
    Target,
)
from opportunities.reports import changes as changing
from opportunities.reports import forecast as forecasting
from opportunities.reports import quality as cleaning
from opportunities.reports.ageing import Ageing, ageing
from opportunities.reports.changes import Changes
from opportunities.reports.forecast import EARLIER, LATER, OVERDUE, UNDATED, Due, Forecast
from opportunities.reports.funnel import Funnel, fate_of, funnel
from opportunities.reports.overview import Overview, overview
from opportunities.reports.owners import Owners, owners
from opportunities.reports.periods import Period, compared, later, month_of, quarter_of
from opportunities.reports.quality import Quality, quality
from opportunities.reports.rows import OPEN, Age, Amount, Asked, Closing, Line, Made, Pile
from opportunities.reports.rows import Stage as StageRow
from opportunities.reports.spread import GRID_UP_TO, Deal, Moments
from opportunities.reports.velocity import Velocity, velocity
from opportunities.selection import Selection
from opportunities.selectors import report_history as history
from opportunities.selectors.report_history import Scope, Span
from opportunities.selectors.selection import IN_STAGE_SINCE, deals

NOBODY = "none"
SPARKS = 6
LISTED = 50
LARGEST = 10
BEHIND = 200
VELOCITY_MONTHS = 12
TICK = timedelta(microseconds=1)
FIRST_LOAD = timedelta(days=1)


@dataclass(frozen=True)
class Ground:
    """What a person's reports stand on: their books, the stages as they are today, who there is to own deals."""

    person: Person
    books: Mapping[str, str]
    stages: Mapping[str, StageRow]
    members: Mapping[str, str]
    teams: Mapping[str, tuple[str, ...]]

    @property
    def pipelines(self) -> dict[str, str]:
        return {stage.pipeline: stage.pipeline_name for stage in self.stages.values()}

    @property
    def open_stages(self) -> list[str]:
        return [stage.id for stage in self.stages.values() if stage.meaning == OPEN]

    @property
    def closed_stages(self) -> list[str]:
        return [stage.id for stage in self.stages.values() if stage.meaning != OPEN]


def ground(person: Person) -> Ground:
    """Three queries."""
    books = {book.pk: book.name for book in visible_books(person)}
    members: dict[str, str] = {}
    teams: dict[str, list[str]] = {}
    for member in Member.objects.filter(book_id__in=books):
        members.setdefault(member.user_id, member.name)
        teams.setdefault(member.book_id, []).append(member.user_id)
    named = dict(sorted(members.items(), key=lambda each: (each[1].lower(), each[0])))
    return Ground(person, books, _stages(books), named, {book: tuple(ids) for book, ids in teams.items()})


def _stages(books: Iterable[str]) -> dict[str, StageRow]:
    """Stages a person's deals can be in, also gone ones: history names them. In the order of pipelines and stages."""
    meaning = StageMeaning.objects.filter(stage_id=OuterRef("pk"))
    rows = (
        Stage.objects.filter(Q(pipeline__book=None) | Q(pipeline__book__in=list(books)))
        .annotate(
            means=Subquery(meaning.values("meaning")), limit=Subquery(meaning.values("stale_after_days"))
        )
        .select_related("pipeline")
        .order_by("pipeline__position", "pipeline__name", "pipeline_id", "stage_order", "position", "pk")
    )
    found: dict[str, StageRow] = {}
    for place, row in enumerate(rows):
        found[row.pk] = StageRow(
            id=row.pk,
            name=row.name,
            pipeline=row.pipeline_id,
            pipeline_name=row.pipeline.name,
            meaning=row.means or OPEN,
            default_probability=row.default_probability,
            order=place,
            limit=settings.STALE_AFTER_DAYS if row.limit is None else row.limit,
        )
    return found


def scope_of(on: Ground, asked: Asked) -> Scope:
    books = tuple(on.books) if not asked.book else tuple(book for book in on.books if book == asked.book)
    owners: tuple[str, ...] | None = None
    if asked.team:
        owners = on.teams.get(asked.team, ())
    if asked.owner:
        one = "" if asked.owner == NOBODY else asked.owner
        owners = (one,) if owners is None or one in owners else ()
    return Scope(books, asked.pipeline, owners)


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

        The first load takes its time and brings deals that were there before: it is over with the last of them.
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
        """From the period's first moment to its last, neither before history nor after now. Empty: nothing is known."""
        first, last = self.start(period.first), min(self.start(period.end), self.now + TICK)
        if self.known_from:
            first = max(first, self.known_from + TICK)
        return Span(min(first, last), last)

    def moments_of(self, buckets: Sequence[Period]) -> list[datetime]:
        """The edges of `buckets` that follow each other, one more than there are."""
        return [self.start(each.first) for each in buckets] + [self.start(buckets[-1].end)]

    def placed(self, buckets: Sequence[Period]) -> tuple[list[datetime], dict[int, int]]:
        """The edges of `buckets`, also where days lie between two of them, and which stretch between edges is which."""
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

    def piles(self, rows: QuerySet[Any], *by: str) -> list[Pile]:
        """`rows` counted by stage and `by` (`owner`, `book`)."""
        columns = {"owner": "assigned_to_id", "book": "book_id"}
        names = ["place", *(columns[each] for each in by)]
        # Wrapped, so that no index is walked for its order of stages alone.
        found = (
            rows.annotate(place=Coalesce("stage_id", "stage_id"))
            .values_list(*names)
            .annotate(
                # Counted by a column of the index that holds the rest (`version_at`).
                n_deals=Count("stage_id"),
                n_valueless=Count("stage_id", filter=Q(value=None)),
                s_value=Coalesce(Sum("value"), 0),
                s_weighted=Coalesce(Sum(F("value") * F("probability"), output_field=BigIntegerField()), 0),
                n_rest=Count("stage_id", filter=Q(probability=None, value__isnull=False)),
                s_rest=Coalesce(Sum("value", filter=Q(probability=None)), 0),
            )
        )
        keys = ("stage", *by, "deals", "valueless", "value", "own_weighted", "rest", "rest_value")
        return [Pile(**dict(zip(keys, row, strict=True))) for row in found]

    def piles_at(self, moment: datetime, *by: str) -> list[Pile]:
        """The deals as they were just before `moment`, counted by stage. Two queries, one index each."""
        return [
            pile
            for lasted in (Q(valid_to=None), Q(valid_to__gte=moment))
            for pile in self.piles(self.versions_at(moment, lasted), *by)
        ]

    def versions_at(self, moment: datetime, lasted: Q | None = None) -> QuerySet[OpportunityVersion]:
        """Wrapped columns are compared but not searched by: one index (`version_at`) holds all this needs, and every
        other would be followed to the rows of half the history."""
        rows = OpportunityVersion.objects.annotate(
            began=Coalesce("valid_from", "valid_from"), kept_in=Coalesce("book_id", "book_id")
        )
        chosen = (lasted or Q(valid_to=None) | Q(valid_to__gte=moment)) & Q(began__lt=moment, gone=False)
        chosen &= Q(kept_in__in=self.scope.books)
        if self.scope.pipeline:
            chosen &= Q(pipeline_id=self.scope.pipeline)
        if self.scope.owners is not None:
            chosen &= Q(assigned_to_id__in=self.scope.owners)
        return rows.filter(chosen).order_by()

    def made(self, buckets: Sequence[Period], *by: str) -> list[Made]:
        """Deals created in `buckets`, by the day Slant says."""
        columns = {"owner": "assigned_to_id", "book": "book_id"}
        edges, places = self.placed(buckets)
        rows = self.deals().filter(created_at__gte=edges[0], created_at__lt=edges[-1])
        names = ["bucket", *(columns[each] for each in by)]
        found = (
            rows.annotate(bucket=_bucket("created_at", edges))
            .values_list(*names)
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

    def lines(self, rows: QuerySet[Opportunity], most: int = LISTED) -> list[Line]:
        """Deals of today. One query."""
        found = rows.annotate(since=IN_STAGE_SINCE).values_list(
            "pk", "name", "household__name", "assigned_to_id", "assigned_to_name", "book_id", "stage_id", "value",
            "target_close_date", "since", "created_at",
        )[:most]  # fmt: skip
        return [
            Line(
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
        ]

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


class _DaysSince(Func):
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


# Overview


def overview_of(report: Report) -> Overview:
    now, before = compared(report.period, report.today)
    buckets = [*before.slices(SPARKS), *now.slices(SPARKS)]
    earlier = len(before.slices(SPARKS))
    started, ended = report.start(now.first), report.start(now.end)
    known = report.known_from
    held_before = report.piles_at(started) if known and known < started else None
    held_now = report.piles(report.open_deals()) if ended > report.now else report.piles_at(ended)
    return overview(
        now=held_now,
        before=held_before,
        closings=report.closings(buckets),
        made=report.made(buckets),
        stages=report.on.stages,
        buckets=(earlier, len(buckets) - earlier),
    )


# Forecast


def forecast_of(report: Report, *, by_quarter: bool = False) -> Forecast:
    """The period rounded out to whole fiscal quarters, so that targets compare."""
    starts = settings.FISCAL_YEAR_START_MONTH
    quarters = report.period.quarters(starts)
    period = Period(quarters[0].first, quarters[-1].last)
    months, today = period.months(), report.today
    rows = report.open_deals().annotate(chance=_chance(report.on), when=_when(months, today))
    due = [
        Due(_place(when), owner, Amount(deals, value, weighted, valueless, unweighted), Moments(*parts))
        for when, owner, deals, value, weighted, valueless, unweighted, *parts in _due(rows)
    ]
    few = [
        number
        for number, quarter in enumerate(quarters)
        if sum(
            each.amount.deals
            for each in due
            if isinstance(each.when, int) and months[each.when].first in quarter
        )
        <= GRID_UP_TO
    ]
    inside = rows.filter(target_close_date__gte=max(today, period.first), target_close_date__lte=period.last)
    targets = Target.objects.filter(quarter__in=[quarter.first for quarter in quarters])
    mine = _targets_seen(report)
    return forecasting.forecast(
        period=period,
        months=months,
        quarters=quarters,
        due=due,
        won=report.closings(months, "owner"),
        singles=_singles(inside, quarters, few),
        targets={(row.member_id, row.quarter): row.amount for row in targets if mine(row.member_id)},
        largest=_largest_due(report, inside),
        by_quarter=by_quarter,
    )


def _targets_seen(report: Report) -> Callable[[str], bool]:
    """Targets are a person's over all their books, so a pipeline or a book alone cannot be held against them."""
    if report.asked.pipeline or report.asked.book:
        return lambda member: False
    chosen = report.scope.owners
    return lambda member: member in report.on.members if chosen is None else member in chosen


def _chance(on: Ground) -> Coalesce:
    """A deal's own probability, else its stage's (Slant API 10.12)."""
    defaults: dict[int, list[str]] = {}
    for stage in on.stages.values():
        if stage.default_probability is not None:
            defaults.setdefault(stage.default_probability, []).append(stage.id)
    cases = [When(stage_id__in=ids, then=Value(percent)) for percent, ids in defaults.items()]
    return Coalesce(F("probability"), Case(*cases, default=Value(None), output_field=IntegerField()))


def _when(months: Sequence[Period], today: date) -> Case:
    """The month's number, or a negative one for what stands apart."""
    apart = [
        When(target_close_date=None, then=Value(-2)),
        When(target_close_date__lt=today, then=Value(-1)),
        When(target_close_date__lt=months[0].first, then=Value(-3)),
        When(target_close_date__gt=months[-1].last, then=Value(-4)),
    ]
    inside = [
        When(target_close_date__lte=month.last, then=Value(place)) for place, month in enumerate(months)
    ]
    return Case(*apart, *inside, output_field=IntegerField())


def _place(when: int) -> int | str:
    return when if when >= 0 else {-1: OVERDUE, -2: UNDATED, -3: EARLIER, -4: LATER}[when]


def _due(rows: QuerySet[Any]) -> Any:
    """Sums by stretch and owner; the moments of a sum of independent deals are the sums of theirs."""
    value, chance = Cast(F("value"), FloatField()), Cast(F("chance"), FloatField()) / Value(100.0)
    part = value * value * chance * (Value(1.0) - chance)
    third = part * value * (Value(1.0) - Value(2.0) * chance)
    weighed = Q(value__isnull=False, chance__isnull=False)
    weighted = Coalesce(Sum(F("value") * F("chance"), output_field=BigIntegerField()), 0)
    return rows.values_list("when", "assigned_to_id").annotate(
        n_deals=Count("pk"),
        s_value=Coalesce(Sum("value"), 0),
        s_weighted=weighted,
        n_valueless=Count("pk", filter=Q(value=None)),
        n_unweighted=Count("pk", filter=Q(value__isnull=False, chance=None)),
        n_weighed=Count("pk", filter=weighed),
        best=Coalesce(Sum("value", filter=weighed), 0),
        mean=weighted,
        variance=Coalesce(Sum(part, output_field=FloatField()), 0.0),
        third=Coalesce(Sum(third, output_field=FloatField()), 0.0),
    )


def _singles(rows: QuerySet[Any], quarters: Sequence[Period], few: Sequence[int]) -> dict[int, list[Deal]]:
    """The deals due in the quarters that have few, by the quarter's number. One query, or none."""
    found: dict[int, list[Deal]] = {number: [] for number in few}
    wanted = Q(pk__in=[])
    for number in few:
        wanted |= Q(target_close_date__range=(quarters[number].first, quarters[number].last))
    weighed = rows.filter(wanted, value__isnull=False, chance__isnull=False)
    for day, value, chance in weighed.values_list("target_close_date", "value", "chance") if few else ():
        number = next(each for each in few if day in quarters[each])
        found[number].append(Deal(value, chance))
    return found


def _largest_due(report: Report, rows: QuerySet[Any]) -> list[Line]:
    weight = F("value") * F("chance")
    heaviest = rows.filter(value__gt=0, chance__gt=0).annotate(weight=weight).order_by("-weight", "pk")
    found = list(
        heaviest.values_list("pk", "name", "household__name", "weight", "target_close_date", "value")[:3]
    )
    return [
        Line(id, name, household or "", value=value, close=close, effect=weight)
        for id, name, household, weight, close, value in found
    ]


# What changed


def changes_of(report: Report) -> Changes:
    span = report.span(report.period)
    together, largest = history.movements(report.scope, span, report.known_from, LARGEST)
    return changing.changes(
        opening=report.piles_at(span.first),
        movements=together,
        closing=report.piles_at(span.last),
        stages=report.on.stages,
        largest=_effects(report, largest)[:LARGEST],
    )


def behind_changes(report: Report, step: str) -> list[Line]:
    """The changes behind one step, those with the largest effect first."""
    found = history.single(report.scope, report.span(report.period), report.known_from)
    return _effects(report, found, step)


def _effects(report: Report, found: Sequence[history.Change], step: str = "") -> list[Line]:
    """What each change did to the open pipeline, step by step; only `step` if one is named."""
    told = [
        (change, key, effect)
        for change in found
        for key, effect in changing.effects(change.movement)
        if not step or key == step
    ]
    return _told(report, sorted(told, key=lambda each: (-abs(each[2]), each[0].id)))


def board_at(report: Report, day: date) -> list[Pile]:
    """The whole board as `day` ended."""
    return report.piles_at(min(report.start(day + timedelta(days=1)), report.now + TICK))


def lines_at(report: Report, day: date, stage: str, most: int = BEHIND) -> list[Line]:
    """The deals of one stage as `day` ended, the most valuable first."""
    moment = min(report.start(day + timedelta(days=1)), report.now + TICK)
    rows = (
        report.versions_at(moment)
        .filter(stage_id=stage)
        .order_by(F("value").desc(nulls_last=True), "opportunity_id")
    )
    found = list(rows[:most])
    names = dict(
        Household.objects.filter(pk__in={row.household_id for row in found if row.household_id}).values_list(
            "pk", "name"
        )
    )
    return [
        Line(
            id=row.opportunity_id,
            name=row.name,
            household=names.get(row.household_id, ""),
            owner=row.assigned_to_id,
            owner_name=report.on.members.get(row.assigned_to_id, ""),
            book=row.book_id,
            book_name=report.on.books.get(row.book_id, ""),
            stage=report.stage_name(row.stage_id),
            value=row.value,
            close=row.target_close_date,
            effect=row.value,
        )
        for row in found
    ]


# The deals behind a number


@dataclass(frozen=True)
class Behind:
    """`whole` is how many there are; `lines` the first of them. `adds`: what the deals' effects sum up to is the number."""

    key: str
    lines: list[Line]
    whole: int


def behind(report: Report, slug: str, key: str) -> Behind | None:
    """What the number `key` of a report is made of; None for a key the report does not have."""
    what, _, where = key.partition(":")
    if slug == "changes" and key in changing.STEPS:
        lines = behind_changes(report, key)
        return Behind(key, lines[:BEHIND], len(lines))
    if slug == "changes" and what == "on" and where in report.on.stages and report.asked.day:
        lines = lines_at(report, report.asked.day, where)
        return Behind(key, lines, len(lines))
    if slug == "overview" and key in CLOSED:
        return _behind_closings(report, key)
    if slug == "overview" and key == "created":
        now, _ = compared(report.period, report.today)
        rows = report.deals().filter(
            created_at__gte=report.start(now.first), created_at__lt=report.start(now.end)
        )
        lines = report.lines(rows.order_by(F("value").desc(nulls_last=True), "pk"), BEHIND)
        created = [replace(line, effect=line.value, what="new", at=line.made) for line in lines]
        return Behind(key, created, rows.count())
    if slug == "funnel" and what in FATES and where in report.on.stages:
        return _behind_stays(report, what, where, key)
    return None


def open_behind(report: Report, selection: Selection) -> tuple[list[Line], int]:
    """Open deals of today within the report's filters and `selection`: the most valuable, and how many there are."""
    chosen = deals(report.on.person, selection, report.now)
    rows = report.open_deals().filter(pk__in=chosen.values("pk"))
    return report.lines(rows.order_by(F("value").desc(nulls_last=True), "pk"), BEHIND), rows.count()


CLOSED = {"won": ("won",), "lost": ("lost",), "decided": ("won", "lost")}
FATES = ("entered", "moved_on", "lost", "archived", "back", "away", "here")


def _behind_closings(report: Report, key: str) -> Behind:
    now, _ = compared(report.period, report.today)
    span = Span(report.start(now.first), report.start(now.end))
    found, whole = history.closed(report.scope, span, CLOSED[key], BEHIND)
    lines = _told(report, [(change, change.movement.after, change.movement.after_value) for change in found])
    return Behind(key, lines, whole)


def _behind_stays(report: Report, fate: str, stage: str, key: str) -> Behind:
    found = history.stays(report.scope, report.span(report.period), report.known_from, stage)
    wanted = [
        (change, report.stage_name(passage.then) or "Still there", change.movement.after_value)
        for change, passage in found
        if fate in ("entered", fate_of(passage, report.on.stages))
    ]
    return Behind(key, _told(report, wanted[:BEHIND]), len(wanted))


def _told(report: Report, found: Sequence[tuple[history.Change, str, int]]) -> list[Line]:
    """Changes with the names of people, books and households. One query."""
    households = Household.objects.filter(
        pk__in={change.household for change, _, _ in found if change.household}
    )
    names = dict(households.values_list("pk", "name")) if found else {}
    return [
        Line(
            id=change.id,
            name=change.name,
            household=names.get(change.household, ""),
            owner=change.owner,
            owner_name=report.on.members.get(change.owner, ""),
            book=change.book,
            book_name=report.on.books.get(change.book, ""),
            stage=report.stage_name(change.stage),
            effect=effect,
            what=what,
            at=change.at,
        )
        for change, what, effect in found
    ]


# Funnel, ageing, owners


def funnel_of(report: Report) -> Funnel:
    chosen = {
        id: stage
        for id, stage in report.on.stages.items()
        if not report.asked.pipeline or stage.pipeline == report.asked.pipeline
    }
    span = report.span(report.period)
    return funnel(passages=history.passages(report.scope, span, report.known_from), stages=chosen)


def ageing_of(report: Report) -> Ageing:
    rows = report.open_deals().annotate(since=IN_STAGE_SINCE)
    ages = (
        rows.annotate(age=_DaysSince(F("since"), report.now))
        .values_list("stage_id", "age")
        .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
    )
    stuck = rows.annotate(over=_over(report)).filter(over__gt=0)
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


def _limits(report: Report) -> dict[int, list[str]]:
    """The stages by their limit; only open ones have one."""
    found: dict[int, list[str]] = {}
    for stage in report.on.stages.values():
        if stage.meaning == OPEN:
            found.setdefault(stage.limit, []).append(stage.id)
    return found


def _over(report: Report) -> Combinable:
    """Days over the limit of the stage, and one more: positive when stuck."""
    cases = [When(stage_id__in=ids, then=Value(limit)) for limit, ids in _limits(report).items()]
    limit = Case(*cases, default=Value(settings.STALE_AFTER_DAYS), output_field=IntegerField())
    return _DaysSince(F("since"), report.now) - limit + Value(1)


def _stale(report: Report) -> Any:
    """Longer in its stage than its limit; needs `since`. As on the board (`selectors.selection.is_stale`)."""
    stale = Q(pk__in=[])
    known = []
    for limit, ids in _limits(report).items():
        stale |= Q(stage_id__in=ids, since__lt=report.now - timedelta(days=limit))
        known += ids
    return stale | (
        ~Q(stage_id__in=known) & Q(since__lt=report.now - timedelta(days=settings.STALE_AFTER_DAYS))
    )


def owners_of(report: Report) -> Owners:
    now = report.period.until(report.today)
    held = report.open_deals()
    return owners(
        now=report.piles(held, "owner", "book"),
        closings=report.closings([now], "owner", "book"),
        made=report.made([now], "owner", "book"),
        stale=report.piles(held.annotate(since=IN_STAGE_SINCE).filter(_stale(report)), "owner", "book"),
        stages=report.on.stages,
    )


# Data quality


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
        key: report.lines(rows.filter(problem).order_by(*dear), BEHIND if only else LARGEST)
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
        cleaning.NO_MOVE: _stale(report),
    }


# Velocity


def velocity_of(report: Report) -> Velocity:
    """The months of the period, at most twelve, the last of them the one that is running."""
    last = month_of(min(report.period.last, report.today))
    first = max(month_of(report.period.first).first, later(last.first, 1 - VELOCITY_MONTHS))
    months = Period(first, last.last).months()
    worked = _worked(report, months)
    return velocity(months=months, worked=worked, closings=report.closings(months))


def _worked(report: Report, months: Sequence[Period]) -> list[int]:
    """How many deals were open at some time in each month: created before its end, and not closed before it began.

    From the mirror: Slant dates a deal's creation and its last move, so this reaches back further than history.
    """
    edges = report.moments_of(months)
    opened = Case(
        *(When(created_at__lt=edge, then=Value(place)) for place, edge in enumerate(edges[1:])),
        default=Value(len(months)),
        output_field=IntegerField(),
    )
    closed = Q(stage_id__in=report.on.closed_stages)
    ended = Case(
        When(~closed, then=Value(len(months))),
        *(When(stage_updated_at__lt=edge, then=Value(place - 1)) for place, edge in enumerate(edges)),
        default=Value(len(months)),
        output_field=IntegerField(),
    )
    rows = (
        report.deals()
        .annotate(opened=opened, ended=ended)
        .values_list("opened", "ended")
        .annotate(n_deals=Count("pk"))
    )
    counts = list(rows)
    return [
        sum(deals for begun, over, deals in counts if begun <= place <= over) for place in range(len(months))
    ]


# Targets


@dataclass(frozen=True)
class TargetRow:
    """What one member aims for, by the first day of each quarter; None: no target."""

    member: str
    name: str
    amounts: tuple[tuple[date, int | None], ...]


def target_quarters(today: date, count: int = 4) -> list[Period]:
    """The fiscal quarter we are in and those after it."""
    found = [quarter_of(today, settings.FISCAL_YEAR_START_MONTH)]
    while len(found) < count:
        found.append(quarter_of(found[-1].end, settings.FISCAL_YEAR_START_MONTH))
    return found


def targets(on: Ground, quarters: Sequence[Period]) -> list[TargetRow]:
    """Everybody who works in a book, by name."""
    firsts = [quarter.first for quarter in quarters]
    held = {(row.member_id, row.quarter): row.amount for row in Target.objects.filter(quarter__in=firsts)}
    return [
        TargetRow(member, name, tuple((first, held.get((member, first))) for first in firsts))
        for member, name in on.members.items()
    ]
