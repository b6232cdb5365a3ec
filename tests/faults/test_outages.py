"""An outage ends when Slant is back: each deal is there once within a quarter of an hour, and few calls are
made meanwhile. The whole of it in `make faults`; in the suite five minutes of each.
"""

from collections.abc import Callable

import pytest

from tests.faults.conftest import is_full
from tests.faults.outages import AWAY, BACK_WITHIN, Drill, drill, live_through

MOST_CALLS = 120  # in 90 minutes
# No byte of these reaches Slant.
UNHEARD = ("connection refused", "no name for it")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = is_full(metafunc.config)
    if "minutes" in metafunc.fixturenames:
        metafunc.parametrize(("minutes", "deals"), [(5, 100), (30, 100), (90, 100)] if full else [(5, 12)])


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize("kind", AWAY)
def test_an_outage_ends_when_slant_is_back(
    kind: str, minutes: int, deals: int, record_property: Callable[[str, object], None]
) -> None:
    told = live_through(kind, minutes, deals)

    record_property("figures", f"{kind}, {minutes} minutes: {told}")
    assert told.wrong == []
    assert told.ended == ["confirmed"] * deals
    assert told.seconds < BACK_WITHIN
    assert told.calls < MOST_CALLS
    if kind in UNHEARD:
        assert told.counted == 0, "what sent no byte costs no budget"


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize("returns", ["", "busy"])
def test_fifty_submissions_survive_ninety_minutes_without_slant(returns: str) -> None:
    """Their answers were all lost; each is in Slant exactly once within 15 minutes of its return."""
    wrong, seconds, told = drill(returns)
    assert wrong == []
    assert told.ended == ["confirmed"] * 50
    assert seconds < Drill.BACK_WITHIN
