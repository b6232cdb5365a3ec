"""The deals of a selection as rows: a window at a time for the list, all of them for the file.

The list costs as many queries for a hundred thousand deals as for one: its totals are the board's stored
ones, and each window begins where the last one ended (by the sorted value and the id), without an offset.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import (
    BigIntegerField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Lower, NullIf
from django.utils import timezone

from opportunities.access import visible_books, writable_books
from opportunities.actions.bulk import ROW_LIMIT
from opportunities.exports import Cell, FileColumn
from opportunities.listing import SORTS, Reading, Sorting
from opportunities.models import OPEN, Meaning, Opportunity, Person, Pipeline, StageMeaning, Submission
from opportunities.offer import StageChoice
from opportunities.reports.measures import OPEN as OPEN_STAGE
from opportunities.reports.measures import weighted, weighted_hundredths
from opportunities.selection import Selection
from opportunities.selectors.board import page as boards
from opportunities.selectors.board.parts import Board, Sums
from opportunities.selectors.households import household_text
from opportunities.selectors.selection import IN_STAGE_SINCE, deals, is_open
from opportunities.selectors.stages import meanings
from opportunities.wording import bulk as bulk_words

WINDOW = 50

PERCENT = Coalesce(F("probability"), F("stage__default_probability"))
# The sort expression of each column. Empty text counts as no value, and no value comes last.
KEYS: dict[str, Any] = {
    "name": Lower("name"),
    "stage": F("stage__stage_order"),
    "value": F("value"),
    "probability": PERCENT,
    "weighted": Case(
        When(is_open(), then=ExpressionWrapper(F("value") * PERCENT, output_field=BigIntegerField())),
        default=None,
    ),
    "close": F("target_close_date"),
    "since": F("since"),
    "owner": NullIf(Lower("assigned_to_name"), Value("")),
}
# Sorted by the day a deal came and shown as the days since, so the order is reversed.
TURNED = ("since",)

FILE_COLUMNS = (
    FileColumn("Deal"), FileColumn("Household"), FileColumn("Book"), FileColumn("Pipeline"),
    FileColumn("Stage"), FileColumn("Meaning"), FileColumn("Value", "money"),
    FileColumn("Probability", "count"), FileColumn("Weighted", "money"), FileColumn("Target close", "day"),
    FileColumn("In stage since", "day"), FileColumn("Days in stage", "days"), FileColumn("Owner"),
    FileColumn("Created", "day"), FileColumn("Slant record"),
)  # fmt: skip


@dataclass(frozen=True)
class ListedDeal:
    """One deal of the list. `percent` is its own probability or its stage's; `weighted` in whole dollars."""

    id: str
    name: str
    household: str
    stage: StageChoice
    value: int | None
    percent: int | None
    weighted: int | None
    close: date | None
    is_past: bool
    days: int
    is_stale: bool
    owner: str
    may_write: bool
    waits: bool
    is_unreadable: bool


@dataclass(frozen=True)
class ListColumn:
    """One column head: `query` is the list sorted by it; `order` is ascending, descending or empty."""

    name: str
    label: str
    query: str
    order: str

    @property
    def is_number(self) -> bool:
        return self.name in ("value", "probability", "weighted", "close", "since")


@dataclass(frozen=True)
class DealList:
    """One window. `head` is the board's head of the same selection; `total` sums all its stages."""

    head: Board
    columns: list[ListColumn]
    lines: list[ListedDeal]
    total: Sums
    shown_count: int
    more: str
    query: str
    file_query: str

    @property
    def rest(self) -> int:
        return max(0, self.total.count - self.shown_count)

    @property
    def next_window(self) -> int:
        return min(WINDOW, self.rest)

    @property
    def may_write(self) -> bool:
        return any(line.may_write for line in self.lines)

    @property
    def most_chosen(self) -> int:
        """The most deals of one bulk change; scripts read it from the page."""
        return ROW_LIMIT


def listing(person: Person, selection: Selection, reading: Reading, now: datetime) -> DealList | None:
    """A window of the list of one pipeline: the selected one, else the first; None if there is none."""
    head = boards.head(person, selection, now)
    if head is None:
        selection = replace(selection, pipeline=_first_pipeline(person))
        head = boards.head(person, selection, now) if selection.pipeline else None
    if head is None:
        return None
    stages = {stage.id: stage for stage in head.stages}
    rows = deals(person, selection, now).filter(stage_id__in=stages)
    records = list(_with_words(_window(rows, person, reading), person, reading.sorting))
    lines = [_line(row, stages[row.stage_id], now) for row in records[:WINDOW]]
    total = Sums()
    for lane in (*head.lanes, *head.rail):
        is_open_lane = lane.stage.meaning == Meaning.OPEN
        total = total.plus(lane.sums if is_open_lane else replace(lane.sums, weighted=0))
    shown_count = (reading.shown if reading.after else 0) + len(lines)
    query = reading.query(selection.query())
    more = (
        f"{query}&after={_quote_id(records[WINDOW - 1].pk)}&shown={shown_count}"
        if len(records) > WINDOW
        else ""
    )
    return DealList(
        head=head,
        columns=[_column(name, selection, reading.sorting) for name in SORTS],
        lines=lines,
        total=total,
        shown_count=shown_count,
        more=more,
        query=query,
        file_query=reading.query(selection.query(view="board")),
    )


def file_rows(
    person: Person, selection: Selection, sorting: Sorting, now: datetime
) -> tuple[int, Iterator[tuple[Cell, ...]]]:
    """How many deals the selection has, and an iterator over them as rows of FILE_COLUMNS, read in chunks."""
    rows = deals(person, selection, now)
    ordered = _sort_rows(rows.annotate(key=_key(person, sorting)), sorting)
    return rows.count(), _file_rows(ordered.annotate(household_text=household_text(person)), now)


def _file_rows(rows: QuerySet[Opportunity], now: datetime) -> Iterator[tuple[Cell, ...]]:
    held = meanings()
    values = rows.annotate(percent=PERCENT).values_list(
        "name", "household_text", "book__name", "pipeline__name", "stage__name", "stage_id", "value",
        "percent", "target_close_date", "since", "assigned_to_name", "created_at", "pk",
    )  # fmt: skip
    for (
        name,
        house,
        book,
        pipeline,
        stage,
        stage_id,
        value,
        percent,
        close,
        since,
        owner,
        created_at,
        id,
    ) in values.iterator(chunk_size=1000):
        held_as = held.get(stage_id)
        meaning = held_as.meaning if held_as else OPEN_STAGE
        yield (
            name, house, book, pipeline, stage, Meaning(meaning).label if held_as else "",
            value, percent, _exact(value, percent, meaning), close,
            timezone.localdate(since), _days(since, now), owner,
            timezone.localdate(created_at) if created_at else None, id,
        )  # fmt: skip


def _exact(value: int | None, percent: int | None, meaning: str) -> Cell:
    """The weighted value in dollars and cents, so that the sum of a column equals the sum on the page."""
    hundredths = weighted_hundredths(value, percent, meaning)
    if hundredths is None:
        return None
    return hundredths // 100 if hundredths % 100 == 0 else Decimal(hundredths) / 100


def pipeline_name(person: Person, id: str) -> str:
    """The pipeline's name; empty if `person` may not see it."""
    rows = _pipelines(person).filter(pk=id) if id else Pipeline.objects.none()
    return rows.values_list("name", flat=True).first() or ""


def _pipelines(person: Person) -> QuerySet[Pipeline]:
    return Pipeline.objects.filter(Q(book=None) | Q(book__in=visible_books(person)), gone_at=None)


def _first_pipeline(person: Person) -> str:
    rows = _pipelines(person).filter(stages__gone_at=None)
    return rows.order_by("position", "name", "id").values_list("pk", flat=True).first() or ""


def _key(person: Person, sorting: Sorting) -> Any:
    if sorting.column == "household":
        return NullIf(Lower(household_text(person)), Value(""))
    return KEYS[sorting.column]


def _is_down(sorting: Sorting) -> bool:
    return sorting.down != (sorting.column in TURNED)


def _with_words(window: QuerySet[Opportunity], person: Person, sorting: Sorting) -> QuerySet[Opportunity]:
    """All values of the rows in `window`. The sorting query reads only ids and sort values."""
    rows = Opportunity.objects.filter(pk__in=window.values("pk"))
    waiting = Submission.objects.filter(opportunity_id=OuterRef("pk"), state__in=OPEN)
    limit = StageMeaning.objects.filter(pk=OuterRef("stage_id")).values("stale_after_days")
    return _sort_rows(
        rows.annotate(
            since=IN_STAGE_SINCE,
            key=_key(person, sorting),
            percent=PERCENT,
            household_text=household_text(person),
            may_write=Exists(writable_books(person).filter(pk=OuterRef("book_id"))),
            waits=Exists(waiting),
            limit=Subquery(limit),
        ),
        sorting,
    )


def _sort_rows(rows: QuerySet[Opportunity], sorting: Sorting) -> QuerySet[Opportunity]:
    key = F("key").desc(nulls_last=True) if _is_down(sorting) else F("key").asc(nulls_last=True)
    return rows.order_by(key, "pk")


def _window(rows: QuerySet[Opportunity], person: Person, reading: Reading) -> QuerySet[Opportunity]:
    """The next deals, and one more if there are more."""
    keyed = _sort_rows(rows.annotate(key=_key(person, reading.sorting)), reading.sorting)
    return _rest(keyed, reading)[: WINDOW + 1]


def _rest(rows: QuerySet[Opportunity], reading: Reading) -> QuerySet[Opportunity]:
    """A condition for the deals after the one read last; none, which starts at the top, if that one is
    gone.
    """
    if not reading.after:
        return rows
    last = rows.filter(pk=reading.after).values_list("key", "pk").first()  # type: ignore[misc]
    if last is None:
        return rows
    key, pk = last
    if key is None:
        return rows.filter(Q(key=None), pk__gt=pk)
    further = Q(key__lt=key) if _is_down(reading.sorting) else Q(key__gt=key)
    return rows.filter(further | Q(key=key, pk__gt=pk) | Q(key=None))


def _line(row: Any, stage: StageChoice, now: datetime) -> ListedDeal:
    is_open = stage.meaning == Meaning.OPEN
    close = row.target_close_date
    return ListedDeal(
        id=row.pk,
        name=row.name,
        household=row.household_text,
        stage=stage,
        value=row.value,
        percent=row.percent,
        weighted=weighted(row.value, row.percent, stage.meaning),
        close=close,
        is_past=is_open and close is not None and close < timezone.localdate(now),
        days=_days(row.since, now),
        is_stale=is_open
        and row.since < now - timedelta(days=settings.STALE_AFTER_DAYS if row.limit is None else row.limit),
        owner=row.assigned_to_name,
        may_write=row.may_write,
        waits=row.waits,
        is_unreadable=bool(row.unreadable),
    )


def _days(since: datetime, now: datetime) -> int:
    return max(0, (now - since) // timedelta(days=1))


def _column(name: str, selection: Selection, sorting: Sorting) -> ListColumn:
    order = "" if name != sorting.column else "descending" if sorting.down else "ascending"
    query = Reading(sorting.chosen(name)).query(selection.query())
    return ListColumn(name, bulk_words.COLUMNS[name], query, order)


def _quote_id(id: str) -> str:
    return quote(id, safe="")
