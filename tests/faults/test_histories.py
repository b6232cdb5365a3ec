"""Seeded histories of everything going wrong at once: not one record too many, not one submission lost."""

from contextlib import nullcontext

import pytest

from tests.faults.checker import fingerprint
from tests.faults.conftest import always_of, seed_of
from tests.faults.history import history
from tests.faults.plan import draw
from tests.faults.run import A_DAY, failed_seeds, judge, seed_of_today

CHUNK = 25
SUITE = 300  # `make faults` goes on from there: tests/faults/run.py


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize("first", range(0, SUITE, CHUNK))
def test_no_history_breaks_a_promise(first: int) -> None:
    verdict = judge(range(first, first + CHUNK))
    assert not verdict.violations, "\n".join(
        f"pytest tests/faults --seed {seed}\n    " + "\n    ".join(what)
        for seed, what in verdict.violations.items()
    )


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize(("seed", "always"), failed_seeds())
def test_a_history_that_once_broke_a_promise_breaks_none(seed: int, always: frozenset[str]) -> None:
    verdict = judge([seed], always=always)
    assert not verdict.violations, "\n    ".join(["", *verdict.violations[seed]])


def test_each_day_begins_with_a_seed_of_its_own() -> None:
    assert seed_of_today() % A_DAY == 0
    assert seed_of_today() >= SUITE


def test_deletions_odd_records_and_changes_of_stages_are_among_them_also_where_the_mirror_is_read() -> None:
    plans = [draw(seed)[0] for seed in range(SUITE)]

    for family in ("deleted", "stages", "odd records"):
        struck = [plan for plan in plans if plan.has(family)]
        assert len(struck) >= SUITE / 25, family
        assert any(plan.has("syncs") for plan in struck), family
        assert any(plan.has("changes") for plan in struck), family


def lived(seed: int) -> str:
    with history(seed) as told:
        told.run()
    return fingerprint(told)


@pytest.mark.usefixtures("simulated")
def test_a_seed_brings_back_the_very_same_history() -> None:
    assert lived(11) == lived(11) != lived(12)


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize("seed", [3, 11, 17, 57])
def test_the_shorter_ways_through_the_orm_change_no_history(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = lived(seed)
    monkeypatch.setattr("tests.faults.history.shortcuts", nullcontext)

    assert lived(seed) == told


@pytest.mark.usefixtures("simulated")
def test_one_seed_again(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    seed = seed_of(request.config)
    if seed is None:
        pytest.skip("pytest tests/faults --seed N")
    with capsys.disabled():
        verdict = judge([seed], show=True, always=always_of(request.config))
    assert not verdict.violations, "\n    ".join(["", *verdict.violations[seed]])
