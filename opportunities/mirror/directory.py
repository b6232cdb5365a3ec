"""Books, members, pipelines, stages and households: short lists, each read and written as a whole.

Rows that a complete list no longer has are marked gone, unless the list shifted while it was read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from opportunities.email_addresses import fold_address
from opportunities.mirror import meanings, totals
from opportunities.models import Book, Household, Member, Pipeline, Stage
from opportunities.slant import types
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import Scan


@dataclass(frozen=True)
class FetchedList:
    """The records of one list. `whole`: as many as Slant counted, so a row that is absent is gone."""

    rows: list[Any]
    calls: int = 1
    whole: bool = True


def _write_books(listing: FetchedList, now: datetime) -> None:
    books: list[types.BookRecord] = listing.rows
    Book.objects.bulk_create(
        [Book(pk=book.id, name=book.name[:500], role=book.role or "") for book in books],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "role", "gone_at"],
    )
    _mark_gone(Book.objects.all(), {book.id for book in books}, now)
    for book in books:
        _write_members(book)


def _write_members(book: types.BookRecord) -> None:
    """Membership follows Slant at once: whoever left a book no longer sees it."""
    Member.objects.filter(book_id=book.id).exclude(user_id__in=[user.id for user in book.users]).delete()
    Member.objects.bulk_create(
        [
            Member(
                book_id=book.id,
                user_id=user.id,
                email=fold_address(user.email)[:320],
                first_name=user.first_name[:200],
                last_name=user.last_name[:200],
                role=user.role or "",
            )
            for user in book.users
        ],
        update_conflicts=True,
        unique_fields=["book", "user_id"],
        update_fields=["email", "first_name", "last_name", "role"],
    )


def _write_pipelines(listing: FetchedList, now: datetime) -> None:
    revision = totals.lock()
    drawn = _as_drawn()
    pipelines: list[types.PipelineRecord] = listing.rows
    Pipeline.objects.bulk_create(
        [
            Pipeline(
                pk=pipeline.id,
                name=pipeline.name[:500],
                pipeline_type=pipeline.pipeline_type or "",
                book_id=pipeline.book_id,
                position=position,
            )
            for position, pipeline in enumerate(pipelines)
        ],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "pipeline_type", "book", "position", "gone_at"],
    )
    _mark_gone(Pipeline.objects.all(), {pipeline.id for pipeline in pipelines}, now)
    stages = [
        Stage(
            pk=stage.id,
            pipeline_id=pipeline.id,
            name=stage.name[:500],
            # Stages without an order come last, as in `pipeline.stages`, and `position` orders them.
            stage_order=types.FARTHEST if stage.stage_order is None else stage.stage_order,
            position=position,
            visible=stage.visible,
            default_probability=stage.default_probability,
        )
        for pipeline in pipelines
        for position, stage in enumerate(pipeline.stages)
    ]
    before = totals.default_probabilities(stage.pk for stage in stages)
    Stage.objects.bulk_create(
        stages,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[
            "pipeline", "name", "stage_order", "position", "visible", "default_probability", "gone_at",
        ],
    )  # fmt: skip
    _mark_gone(Stage.objects.all(), {stage.pk for stage in stages}, now)
    meanings.suggest(stages)
    changed = [stage.pk for stage in stages if before.get(stage.pk) != stage.default_probability]
    totals.recount(changed, revision)
    now_drawn = _as_drawn()
    if now_drawn != drawn:
        ids = drawn.keys() | now_drawn.keys()
        totals.pipelines_changed(revision, {id for id in ids if drawn.get(id) != now_drawn.get(id)})


def _as_drawn() -> dict[str, list[tuple[Any, ...]]]:
    """By pipeline: everything a board draws of it and its stages, in their order."""
    rows = Stage.objects.filter(gone_at=None, pipeline__gone_at=None)
    ordered = rows.order_by("pipeline__position", "pipeline_id", "stage_order", "position", "pk")
    pipeline = ("pipeline__name", "pipeline__position", "pipeline__book_id")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in ordered.values_list("pipeline_id", "pk", "name", "visible", "default_probability", *pipeline):
        found.setdefault(row[0], []).append(row)
    return found


def _write_households(listing: FetchedList, now: datetime) -> None:
    households: list[types.HouseholdRecord] = listing.rows
    Household.objects.bulk_create(
        [
            Household(
                pk=household.id,
                name=household.name[:500],
                type=household.type[:40],
                book_id=household.book_id,
            )
            for household in households
        ],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "type", "book", "gone_at"],
        batch_size=500,
    )
    if listing.whole:
        _mark_gone(Household.objects.all(), {household.id for household in households}, now)


def _mark_gone(rows: QuerySet[Any], present: set[str], now: datetime) -> None:
    """Mark the rows that are not in Slant's list. Rows written in this pass are unmarked already."""
    absent = set(rows.filter(gone_at=None).values_list("pk", flat=True)) - present
    rows.filter(pk__in=absent).update(gone_at=now)


def _read_households(slant: SlantClient, may_continue: Callable[[], object]) -> FetchedList:
    scan = Scan[types.HouseholdRecord]()
    for page in slant.household_pages():
        scan.add(page)
        may_continue()
    return FetchedList(
        list(scan), calls=scan.pages_read, whole=scan.complete or scan.total_count_last is None
    )


ReadList = Callable[[SlantClient, Callable[[], object]], FetchedList]
WriteList = Callable[[FetchedList, datetime], None]

LISTS: dict[str, tuple[ReadList, WriteList]] = {
    "books": (lambda slant, may_continue: FetchedList(list(slant.books())), _write_books),
    "pipelines": (lambda slant, may_continue: FetchedList(list(slant.pipelines())), _write_pipelines),
    "households": (_read_households, _write_households),
}
