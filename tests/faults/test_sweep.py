"""The sweep: crash points, behaviours of Slant, ages of a key, and failing statements.

The whole of it in `make faults`; in the suite a diagonal on which each crash point, behaviour and age
appears.
"""

import pytest

from tests.faults import sweep
from tests.faults.conftest import is_full
from tests.faults.sweep import BEHAVIOURS, Cell, Cut, Failing

CHUNK = 60
# Between them what is failed passes every line: an answer lost and adopted, a send that never was and absence
# proven.
COURSES = ("created, then reset", "not created, reset")
EVERY = {Failing: 47, Cut: 3}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    full = is_full(metafunc.config)
    if "cells" in metafunc.fixturenames:
        cells = sweep.cells() if full else sweep.diagonal()
        chunks = [cells[first : first + CHUNK] for first in range(0, len(cells), CHUNK)]
        metafunc.parametrize("cells", chunks, ids=[str(number) for number in range(len(chunks))])
    if "course" in metafunc.fixturenames:
        metafunc.parametrize("lasting", [False, True], ids=["once", "lasting"])
        metafunc.parametrize("course", COURSES)
    if "how" in metafunc.fixturenames:
        metafunc.parametrize("how", ["refused", "lost", "reset", "502"] if full else ["lost", "502"])


@pytest.mark.usefixtures("simulated")
def test_whatever_crashes_whatever_slant_does_and_however_old_the_key(cells: list[Cell]) -> None:
    assert sweep.sweep(cells) == {}


@pytest.mark.usefixtures("simulated")
def test_any_statement_may_fail(course: str, lasting: bool, request: pytest.FixtureRequest) -> None:
    every = 1 if is_full(request.config) else EVERY[Failing]
    failed, wrong = sweep.fail_each(Failing, every=every, behaviour=BEHAVIOURS[course], lasting=lasting)
    assert failed > 100
    assert wrong == {}


@pytest.mark.usefixtures("simulated")
def test_any_exchange_may_fail(how: str, course: str, lasting: bool, request: pytest.FixtureRequest) -> None:
    every = 1 if is_full(request.config) else EVERY[Cut]
    failed, wrong = sweep.fail_each(Cut, every=every, behaviour=BEHAVIOURS[course], lasting=lasting, how=how)
    assert failed >= 2
    assert wrong == {}


@pytest.mark.usefixtures("simulated")
def test_a_list_that_takes_longer_than_a_lease_settles_all_the_same(request: pytest.FixtureRequest) -> None:
    cells = sweep.slow_cells()
    assert sweep.sweep(cells if is_full(request.config) else cells[:1]) == {}
