"""The small firm whose numbers are worked out by hand."""

from typing import Any

import pytest
import time_machine

from tests.reports.story import NOW, Desk, make_desk, small_firm


@pytest.fixture
def desk(db: None) -> Desk:
    """The stages and the people, without a deal."""
    return make_desk()


@pytest.fixture
def small(desk: Desk) -> Desk:
    small_firm()
    return desk


@pytest.fixture
def today(settings: Any) -> Any:
    """The day the small firm is told on."""
    with time_machine.travel(NOW, tick=False):
        yield NOW
