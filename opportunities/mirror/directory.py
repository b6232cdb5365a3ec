"""Books, members, pipelines, stages and households: short lists, each read and written as a whole.

Rows that are missing from a whole list are marked gone. A field that cannot be read keeps its last readable
value. A record without a usable id could be any row we know, so while there is one, no row is marked gone.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from opportunities.email_addresses import fold_address
from opportunities.mirror import meanings, totals, unreadable
from opportunities.mirror.unreadable import UNREADABLE_NAME, Findings
from opportunities.models import Book, Household, Member, MirrorRevision, Pipeline, Stage
from opportunities.slant import types
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import RecordPage, Scan
from opportunities.slant.record_types import SlantRecord

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class FetchedList:
    """The records of one list. `whole`: as many came as Slant counted, so a row that is absent is gone."""

    rows: list[Any]
    findings: Findings
    calls: int = 1
    whole: bool = True

    def digest(self) -> str:
        """A hash that is equal for lists that lead to the same rows. "" if a part is unknown: then the list
        is written anyway.
        """
        if not self.whole or not all(row.is_as_documented for row in self.rows):
            return ""
        records = hashlib.sha256()
        for row in self.rows:
            records.update(row.model_dump_json().encode() + b"\n")
        return records.hexdigest()


def _write_books(listing: FetchedList, now: datetime) -> None:
    books: list[types.BookRecord] = listing.rows
    known_books = Book.objects.in_bulk([book.id for book in books if book.unreadable])
    Book.objects.bulk_create(
        [
            _with_known(
                Book(pk=book.id, name=book.name[:500], role=book.role or ""),
                known_books.get(book.id),
                book,
                {"name": "name", "role": "role"},
            )
            for book in books
        ],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "role", "gone_at"],
    )
    if listing.whole:
        _mark_gone(Book.objects.all(), {book.id for book in books}, now)
    for book in books:
        if not book.cannot_read("users"):
            _write_members(book)
        for user in (*book.users, *book.without_id):
            listing.findings.add(user, within=f"{book.id} user ", kind="member", book_id=book.id)


def _write_members(book: types.BookRecord) -> None:
    """Update the members of `book` at once, so that a person who left the book no longer sees it. A member
    whose record has no usable id is recognized by the e-mail address.

    If that cannot be read either, nobody counts as having left.
    """
    users = list({user.id: user for user in book.users}.values())
    known_members = {member.user_id: member for member in Member.objects.filter(book_id=book.id)}
    unnamed = [fold_address(getattr(user, "email", "")) for user in book.without_id]
    if "" not in unnamed:
        former_members = Member.objects.filter(book_id=book.id).exclude(
            user_id__in=[user.id for user in users]
        )
        former_members.exclude(email__in=unnamed).delete()
    Member.objects.bulk_create(
        [
            _with_known(
                Member(
                    book_id=book.id,
                    user_id=user.id,
                    email=fold_address(user.email)[:320],
                    first_name=user.first_name[:200],
                    last_name=user.last_name[:200],
                    role=user.role or "",
                ),
                known_members.get(user.id),
                user,
                {name: name for name in ("email", "first_name", "last_name", "role")},
            )
            for user in users
        ],
        update_conflicts=True,
        unique_fields=["book", "user_id"],
        update_fields=["email", "first_name", "last_name", "role"],
    )


def _write_pipelines(listing: FetchedList, now: datetime) -> None:
    revision = totals.lock()
    old_layout = _as_drawn()
    known_pipelines = Pipeline.objects.in_bulk([row.id for row in listing.rows if row.unreadable])
    # Everybody sees a pipeline without a book, so a new one with an unreadable book is not shown at all.
    pipelines: list[types.PipelineRecord] = [
        row for row in listing.rows if row.id in known_pipelines or not row.cannot_read("book_id")
    ]
    Pipeline.objects.bulk_create(
        [
            _with_known(
                Pipeline(
                    pk=pipeline.id,
                    name=pipeline.name[:500],
                    pipeline_type=pipeline.pipeline_type or "",
                    book_id=pipeline.book_id,
                    position=position,
                ),
                known_pipelines.get(pipeline.id),
                pipeline,
                {"name": "name", "book_id": "book_id"},
            )
            for position, pipeline in enumerate(pipelines)
        ],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "pipeline_type", "book", "position", "gone_at"],
    )
    if listing.whole:
        _mark_gone(Pipeline.objects.all(), {pipeline.id for pipeline in pipelines}, now)
    _write_stages(pipelines, listing, revision, now)
    new_layout = _as_drawn()
    if new_layout != old_layout:
        ids = old_layout.keys() | new_layout.keys()
        totals.pipelines_changed(revision, {id for id in ids if old_layout.get(id) != new_layout.get(id)})
    for pipeline in pipelines:
        for stage in (*pipeline.stages, *pipeline.without_id):
            listing.findings.add(
                stage, within=f"{pipeline.id} stage ", kind="stage", book_id=unreadable.book_of(pipeline)
            )


def _write_stages(
    pipelines: Sequence[types.PipelineRecord],
    listing: FetchedList,
    revision: MirrorRevision,
    now: datetime,
) -> None:
    stages_by_id = {stage.id: (pipeline, place, stage) for pipeline, place, stage in _stages_of(pipelines)}
    known_stages = Stage.objects.in_bulk(
        [id for id, (_, _, stage) in stages_by_id.items() if stage.unreadable]
    )
    stages = [
        _with_known(
            Stage(
                pk=stage.id,
                pipeline_id=pipeline.id,
                name=stage.name[:500],
                # Stages without an order come last, as in `pipeline.stages`, and `position` orders them.
                stage_order=types.FARTHEST if stage.stage_order is None else stage.stage_order,
                position=place,
                visible=stage.visible,
                default_probability=stage.default_probability,
            ),
            known_stages.get(stage.id),
            stage,
            {name: name for name in ("name", "stage_order", "visible", "default_probability")},
        )
        for pipeline, place, stage in stages_by_id.values()
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
    if listing.whole:
        # If the list or one of its records cannot be read, any of the pipeline's stages may still exist.
        veiled = [line.id for line in pipelines if line.without_id or line.cannot_read("pipeline_stages")]
        _mark_gone(Stage.objects.exclude(pipeline_id__in=veiled), {stage.pk for stage in stages}, now)
    meanings.suggest(stages)
    changed = [stage.pk for stage in stages if before.get(stage.pk) != stage.default_probability]
    totals.recount(changed, revision)


def _as_drawn() -> dict[str, list[tuple[Any, ...]]]:
    """By pipeline: everything a board draws of it and its stages, in their order."""
    rows = Stage.objects.filter(gone_at=None, pipeline__gone_at=None)
    ordered = rows.order_by("pipeline__position", "pipeline_id", "stage_order", "position", "pk")
    pipeline = ("pipeline__name", "pipeline__position", "pipeline__book_id")
    layout: dict[str, list[tuple[Any, ...]]] = {}
    for row in ordered.values_list("pipeline_id", "pk", "name", "visible", "default_probability", *pipeline):
        layout.setdefault(row[0], []).append(row)
    return layout


def _stages_of(
    pipelines: Iterable[types.PipelineRecord],
) -> Iterator[tuple[types.PipelineRecord, int, types.StageRecord]]:
    for pipeline in pipelines:
        for place, stage in enumerate(pipeline.stages):
            yield pipeline, place, stage


def _write_households(listing: FetchedList, now: datetime) -> None:
    known_households = Household.objects.in_bulk([row.id for row in listing.rows if row.unreadable])
    # The book decides who may see a household, so a new one with an unreadable book is not shown at all.
    households: list[types.HouseholdRecord] = [
        row for row in listing.rows if row.id in known_households or not row.cannot_read("book_id")
    ]
    Household.objects.bulk_create(
        [
            _with_known(
                Household(
                    pk=household.id,
                    name=household.name[:500],
                    type=household.type[:40],
                    book_id=household.book_id,
                ),
                known_households.get(household.id),
                household,
                {"name": "name", "type": "type", "book_id": "book_id"},
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


def _with_known(row: Row, known_row: Row | None, record: SlantRecord, columns: dict[str, str]) -> Row:
    """`row` with the last readable values where `record` cannot be read. `columns`: places in the record, and
    our columns.
    """
    for place, column in columns.items():
        if record.cannot_read(place):
            default = UNREADABLE_NAME if place == "name" else getattr(row, column)
            setattr(row, column, getattr(known_row, column) if known_row else default)
    return row


def _mark_gone(rows: QuerySet[Any], present: set[str], now: datetime) -> None:
    """Mark the rows that are not in Slant's list. Rows written in this pass are unmarked already."""
    absent = set(rows.filter(gone_at=None).values_list("pk", flat=True)) - present
    rows.filter(pk__in=absent).update(gone_at=now)


def _read(
    resource: str, kind: str, pages: Iterator[RecordPage[Any]], may_continue: Callable[[], object]
) -> FetchedList:
    scan, findings = Scan[Any](), Findings(resource, kind)
    for page in pages:
        scan.add(page)
        findings.add_page(page)
        may_continue()
    return FetchedList(list(scan), findings, calls=scan.pages_read, whole=scan.shows_all)


ReadList = Callable[[SlantClient, Callable[[], object]], FetchedList]
WriteList = Callable[[FetchedList, datetime], None]

LISTS: dict[str, tuple[ReadList, WriteList]] = {
    "books": (lambda slant, go_on: _read("books", "book", slant.book_pages(), go_on), _write_books),
    "pipelines": (
        lambda slant, go_on: _read("pipelines", "pipeline", slant.pipeline_pages(), go_on),
        _write_pipelines,
    ),
    "households": (
        lambda slant, go_on: _read("households", "household", slant.household_pages(), go_on),
        _write_households,
    ),
}
