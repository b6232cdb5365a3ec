"""Filling the mirror by background sync.

Sync reads whole lists through the call budget, one leader at a time (lease), and writes each resource in one
transaction after its whole pass: a failed pass leaves the last good copy as it was and says so, with its age.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from opportunities.actions import budget, running
from opportunities.actions.audit import Actor
from opportunities.actions.budget import BudgetSpent
from opportunities.actions.mirror import meanings, totals, writing
from opportunities.clock import Clock
from opportunities.models import Book, Household, Member, Pipeline, Stage, SyncState
from opportunities.slant import errors, types
from opportunities.slant.client import SlantClient

logger = logging.getLogger("opportunities.mirror")

LEASE = "sync"
LEASE_SECONDS = 60
DEALS_EVERY = 2


def sync_if_due(slant: SlantClient, *, worker: Actor, clock: Clock, now_please: bool = False) -> bool:
    """Do one pass of everything mirrored if it is due and nobody else does. Returns whether a pass was tried.

    `slant` must take its calls from the sync share of the budget.
    """
    if not (now_please or due(clock)):
        return False
    fence = running.take_lease(LEASE, owner=worker.display, seconds=LEASE_SECONDS, clock=clock)
    if fence is None:
        return False

    def still_leading() -> bool:
        return running.renew_lease(
            LEASE, owner=worker.display, fence=fence, seconds=LEASE_SECONDS, clock=clock
        )

    try:
        sync(slant, clock=clock, still_leading=still_leading)
    finally:
        running.drop_lease(LEASE, owner=worker.display, fence=fence)
    return True


def due(clock: Clock) -> bool:
    """Whether a pass should begin: SYNC_SECONDS after the last began, or later if passes cost many calls."""
    states = {state.resource: state for state in SyncState.objects.filter(pk__in=PASSES)}
    started = [state.started_at for name in PASSES if (state := states.get(name)) and state.started_at]
    if len(started) < len(PASSES):
        return True
    return clock.now() >= min(started) + timedelta(seconds=interval_seconds(states.values()))


def interval_seconds(states: Iterable[SyncState]) -> float:
    """Seconds between passes: as short as SYNC_SECONDS, as long as keeps sync within a third of the hour's calls."""
    calls = sum(state.cursor.get("calls", 1) for state in states)
    affordable: float = 3600 * calls / (settings.SLANT_HOURLY_BUDGET / 3)
    return max(float(settings.SYNC_SECONDS), affordable)


def sync(slant: SlantClient, *, clock: Clock, still_leading: Callable[[], bool] = lambda: True) -> bool:
    """One pass over books, pipelines and households. True if every resource was read whole."""
    read_whole = [_pass(resource, slant, clock, still_leading) for resource in PASSES]
    if all(read_whole) and _deals_due(clock):
        _pass("opportunities", slant, clock, still_leading)
    return all(read_whole)


def _deals_due(clock: Clock) -> bool:
    """Deals are read whole, so seldom: they feed hints (open deals of a household, the duplicate question) alone."""
    state = SyncState.objects.filter(pk="opportunities").first()
    if state is None or state.started_at is None:
        return True
    return clock.now() >= state.started_at + timedelta(seconds=DEALS_EVERY * interval_seconds([state]))


def _pass(resource: str, slant: SlantClient, clock: Clock, still_leading: Callable[[], bool]) -> bool:
    """Read one resource whole and, only then, write it: the last good copy stays as it is when anything fails."""
    state, _ = SyncState.objects.get_or_create(pk=resource)
    state.started_at = clock.now()
    state.save(update_fields=["started_at"])
    read, write = (PASSES | DEALS)[resource]
    try:
        rows = list(read(slant))
    except BudgetSpent as spent:
        return _failed(state, f"Our share of calls is used up until {spent.until:%H:%M} UTC.", clock)
    except errors.SlantError as error:
        if isinstance(error, errors.SlantBusy):
            budget.slow_down(error.retry_after, clock=clock)
        elif isinstance(error, (errors.SlantUnreachable, errors.SlantNoAnswer)):
            budget.read_failed(clock=clock)
        logger.warning("sync of %s failed: %s", resource, error.log_line)
        return _failed(state, error.message, clock)
    if not still_leading():
        return False
    budget.went_well()
    with transaction.atomic():
        write(rows, clock.now())
        state.finished_at, state.failed_at, state.failure = clock.now(), None, ""
        state.cursor = {"calls": max(1, -(-len(rows) // 100))}
        state.save()
    return True


def _failed(state: SyncState, why: str, clock: Clock) -> bool:
    state.failed_at, state.failure = clock.now(), why[:200]
    state.save(update_fields=["failed_at", "failure"])
    return False


def _write_books(books: list[types.Book], now: datetime) -> None:
    Book.objects.bulk_create(
        [Book(pk=book.id, name=book.name[:500], role=book.role or "") for book in books],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["name", "role", "gone_at"],
    )
    _mark_gone(Book.objects.all(), {book.id for book in books}, now)
    for book in books:
        _write_members(book)


def _write_members(book: types.Book) -> None:
    """Membership follows Slant at once: who left a book sees it no more."""
    Member.objects.filter(book_id=book.id).exclude(user_id__in=[user.id for user in book.users]).delete()
    Member.objects.bulk_create(
        [
            Member(
                book_id=book.id,
                user_id=user.id,
                email=user.email.lower()[:320],
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


def _write_pipelines(pipelines: list[types.Pipeline], now: datetime) -> None:
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
            stage_order=stage.stage_order or 0,
            position=position,
            visible=stage.visible,
            default_probability=stage.default_probability,
        )
        for pipeline in pipelines
        for position, stage in enumerate(pipeline.stages)
    ]
    revision = totals.lock()
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
    totals.recount([s.pk for s in stages if before.get(s.pk) != s.default_probability], revision)


def _write_households(households: list[types.Household], now: datetime) -> None:
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
    _mark_gone(Household.objects.all(), {household.id for household in households}, now)


def _write_opportunities(records: list[types.Opportunity], now: datetime) -> None:
    """None is marked gone: one list is no proof of absence."""
    writing.write(records, now=now)


def _mark_gone(rows: QuerySet[Any], present: set[str], now: datetime) -> None:
    """Rows Slant's whole list no longer has. Those written in this pass have their mark cleared already."""
    absent = set(rows.filter(gone_at=None).values_list("pk", flat=True)) - present
    rows.filter(pk__in=absent).update(gone_at=now)


Reader = Callable[[SlantClient], Iterable[Any]]
Writer = Callable[[list[Any], datetime], None]

DEALS: dict[str, tuple[Reader, Writer]] = {
    "opportunities": (lambda slant: slant.opportunities(), _write_opportunities),
}

PASSES: dict[str, tuple[Reader, Writer]] = {
    "books": (lambda slant: slant.books(), _write_books),
    "pipelines": (lambda slant: slant.pipelines(), _write_pipelines),
    "households": (lambda slant: slant.households(), _write_households),
}
