from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from opportunities import mirror
from opportunities.delivery import connection
from opportunities.mirror import totals
from opportunities.models import Opportunity, StageTotal
from opportunities.runtime.budget import Share
from tests.support.slant_box import SlantBox, TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def box(clock: TurnedClock) -> SlantBox:
    return SlantBox(clock)


@pytest.fixture(autouse=True)
def production_waits(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    settings.SYNC_SECONDS = 60


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a few deals take several pages."""
    monkeypatch.setattr("opportunities.slant.client.PER_PAGE", 20)


def one_pass(box: SlantBox, clock: TurnedClock) -> bool:
    return mirror.sync(connection.metered(box.client(), Share.SYNC, clock), clock=clock)


@pytest.fixture
def sync(db: None, box: SlantBox, clock: TurnedClock) -> Callable[[], bool]:
    """One pass of everything, as a worker makes it."""
    return lambda: one_pass(box, clock)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside leaves no row behind: another world may follow in the same test."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def kept() -> dict[totals.TotalKey, totals.StageSums]:
    """The kept totals, places in which nothing lies left out: to be compared with `totals.count_totals()`."""
    rows = {
        totals.TotalKey(row.pipeline_id, row.stage_id, row.book_id, row.assigned_to_id): totals.StageSums(
            row.count, row.valueless, row.value, row.weighted
        )
        for row in StageTotal.objects.all()
    }
    return {place: sums for place, sums in rows.items() if sums != totals.StageSums()}


def differences(box: SlantBox, *, only_households: bool = False) -> list[str]:
    """Where the mirror and Slant's own tables do not say the same. A removed deal may stay, if it is marked
    gone.
    """
    mine = {deal.pk: _facts(deal) for deal in Opportunity.objects.filter(gone_at=None)}
    seen = {book_id for book_id in box.store.tables["book"] if book_id != "bk_salt99"}
    theirs = {
        id: _row(row)
        for id, row in box.store.tables["opportunity"].items()
        if row["book_id"] in seen and (row["household_id"] or id in mine or not only_households)
    }
    return [
        f"{id}: {mine.get(id)} here, {theirs.get(id)} in Slant"
        for id in sorted(mine.keys() | theirs.keys())
        if mine.get(id) != theirs.get(id)
    ]


def _facts(deal: Opportunity) -> dict[str, Any]:
    return {
        "name": deal.name,
        "stage": deal.stage_id,
        "owner": deal.assigned_to_id,
        "value": deal.value,
        "probability": deal.probability,
        "household": deal.household_id,
        "closes": deal.target_close_date.isoformat() if deal.target_close_date else None,
        "moved": deal.stage_updated_at.strftime("%Y-%m-%dT%H:%M:%SZ") if deal.stage_updated_at else None,
        "updated": deal.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ") if deal.updated_at else None,
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "stage": row["pipeline_stage_id"],
        "owner": row["assigned_to_id"],
        "value": row["value"],
        "probability": row["probability"],
        "household": row["household_id"],
        "closes": row["target_close_date"][:10] if row["target_close_date"] else None,
        "moved": row["stage_updated_at"],
        "updated": row["updated_at"],
    }
