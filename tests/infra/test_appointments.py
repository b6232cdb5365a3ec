"""However often a worker is woken, it keeps one appointment, so rounds come only when something is due."""

from collections.abc import Iterator

import pytest
from huey.api import Task
from huey.contrib.djhuey import HUEY

from opportunities.worker import tasks

# Only huey touches it: between two tasks it looks whether its connection is still good.
pytestmark = pytest.mark.django_db

Due = list[float | None]


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[Due]:
    """How soon the next thing is due, told by each round from the end; those that ran are gone from it."""
    due: Due = []
    monkeypatch.setattr(tasks, "tick", lambda clock, *, worker, stopping: due.pop())
    HUEY.flush()
    yield due
    HUEY.flush()


def appointed() -> list[Task]:
    """The rounds the queue was asked for, the soonest first."""
    return sorted(HUEY.pending(), key=lambda task: task.eta)


def happen(those: list[Task]) -> None:
    """Let the time of those come; what else the queue held is forgotten."""
    HUEY.storage.flush_queue()
    for task in those:
        task.eta = None
        HUEY.execute(task)


def test_forty_wake_ups_make_one_appointment_and_it_the_next(rounds: Due) -> None:
    rounds += [None] * 50
    for _ in range(40):
        tasks.round_of_work.call_local()
    assert len(appointed()) == 1

    for left in (9, 8, 7):
        happen(appointed())
        assert (len(rounds), len(appointed())) == (left, 1)


def test_what_is_due_sooner_takes_the_place_of_what_was_appointed(rounds: Due) -> None:
    rounds += [None, None, 0.3]
    tasks.round_of_work.call_local()
    soon, late = appointed()
    assert (late.eta - soon.eta).total_seconds() == pytest.approx(tasks.LATEST_SECONDS - 0.3, abs=0.2)

    happen([soon, late])
    assert len(rounds) == 1


def test_a_round_that_dies_is_followed_by_another(rounds: Due) -> None:
    with pytest.raises(IndexError):
        tasks.round_of_work.call_local()

    rounds.append(None)
    happen(appointed())
    assert (rounds, len(appointed())) == ([], 1)


def test_an_appointment_nobody_kept_does_not_hold_up_the_next(rounds: Due) -> None:
    rounds.append(None)
    HUEY.put(tasks.APPOINTMENT, ("lost", 0.0))

    tasks.round_of_work.call_local()

    assert len(appointed()) == 1
