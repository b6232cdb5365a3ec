"""When rounds begin: however often a worker is woken and whatever a round does, the next comes in time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from opportunities.runtime.stopping import Stopping
from opportunities.worker import rounds
from opportunities.worker.rounds import RoundOfWork, Rounds
from tests.support.processes import wait_until

# Only Django's close_old_connections touches it.
pytestmark = pytest.mark.django_db

LATEST = 0.4


@pytest.fixture(autouse=True)
def shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LATEST_SECONDS", LATEST)
    monkeypatch.setattr(rounds, "close_old_connections", lambda: None)


@contextmanager
def running(round_of_work: RoundOfWork) -> Iterator[Rounds]:
    these = Rounds(round_of_work)
    thread = Thread(target=these.run)
    thread.start()
    yield these
    these.stop()
    thread.join(10)
    assert not thread.is_alive()


class Told:
    """A round of work that notes when it began and does what it is told."""

    def __init__(self, do: Callable[[int], float | None] = lambda number: None) -> None:
        self.began: list[float] = []
        self.do = do

    def __call__(self, stopping: Stopping) -> float | None:
        self.began.append(time.monotonic())
        return self.do(len(self.began))

    def count(self, number: int) -> Callable[[], bool]:
        return lambda: len(self.began) >= number


def test_the_first_round_begins_at_once_and_each_next_within_the_longest_wait() -> None:
    told = Told()
    with running(told):
        wait_until(told.count(4))

    gaps = [after - before for before, after in zip(told.began, told.began[1:], strict=False)]
    assert all(gap == pytest.approx(LATEST, abs=0.2) for gap in gaps[:3])


def test_a_wake_up_begins_a_round_at_once_and_forty_begin_two() -> None:
    told = Told()
    with running(told) as these:
        wait_until(told.count(1))
        time.sleep(0.1)
        woken = time.monotonic()
        for _ in range(40):
            these.wake()
        time.sleep(0.2)

    assert told.began[1] - woken < 0.05
    assert len(told.began) <= 3


def test_what_is_due_sooner_takes_the_place_of_the_longest_wait() -> None:
    told = Told(lambda number: 0.25 if number == 1 else None)
    with running(told):
        wait_until(told.count(2))

    assert told.began[1] - told.began[0] == pytest.approx(0.25, abs=0.1)


def test_what_is_due_and_cannot_be_done_does_not_keep_a_worker_spinning() -> None:
    told = Told(lambda number: 0.0)
    with running(told):
        time.sleep(1)

    assert 3 <= len(told.began) <= 6


def test_a_round_that_fails_is_followed_by_another() -> None:
    def fail(number: int) -> None:
        raise OSError("the disk is full")

    told = Told(fail)
    with running(told):
        wait_until(told.count(3))


def test_a_slow_round_holds_up_no_other_and_no_more_run_than_may() -> None:
    ready, done = Event(), Event()

    def hang(number: int) -> None:
        if number == rounds.THREADS:
            ready.set()
        done.wait(10)

    told = Told(hang)
    with running(told) as these:
        for _ in range(40):
            these.wake()
            time.sleep(0.02)
        assert ready.is_set()
        assert len(told.began) == rounds.THREADS
        done.set()
        # What woke it while all were busy is not forgotten.
        wait_until(told.count(rounds.THREADS + 1), seconds=LATEST)


def test_stopping_lets_the_round_under_way_end_and_begins_no_other() -> None:
    ended = Event()

    def work(stopping: Stopping) -> None:
        while not stopping():
            time.sleep(0.01)
        time.sleep(0.2)
        ended.set()

    with running(work) as these:
        time.sleep(0.1)
        these.stop()
        these.wake()

    assert ended.is_set()
