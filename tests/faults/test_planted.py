"""Tests of the harness: a bug planted in the actions is detected within 300 histories."""

import pytest

from tests.faults.conftest import is_full
from tests.faults.planted import BUGS
from tests.faults.run import judge

WITHIN = 300
# Those of the suite: the classic duplicate, two proofs that prove nothing, a trail that can lie, and calls
# that nobody heard.
ALWAYS = (
    "blind retry after a server error",
    "one scan only",
    "the trail written after the commit",
    "calls that sent no byte are counted",
    "an unreadable record is passed over in a proof of absence",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", sorted(BUGS) if is_full(metafunc.config) else ALWAYS)


@pytest.mark.usefixtures("simulated")
def test_a_planted_bug_is_seen(name: str) -> None:
    verdict = judge(range(WITHIN), bug=BUGS[name], stop_at_first=True)
    assert verdict.violations, f"{name}: nothing was seen in {verdict.histories} histories"


def test_there_are_fifteen_of_them() -> None:
    assert len(BUGS) >= 15
