from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opportunities.actions import connection, mirror
from opportunities.actions.budget import Share
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
def sync(db: None, box: SlantBox, clock: TurnedClock) -> Callable[[], bool]:
    """One pass of everything, as a worker makes it."""
    slant = connection.metered(box.client(), Share.SYNC, clock)
    return lambda: mirror.sync(slant, clock=clock)
