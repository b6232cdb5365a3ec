"""A wall clock that is set, forward or back, by hours: what is due, what is leased, what is counted."""

from datetime import timedelta
from typing import Any

import pytest

from opportunities.clock import ClockJumped, SteadyClock, is_due, unwatched
from opportunities.models import Budget, Lease
from opportunities.runtime import breaker, budget, heartbeats, leases
from opportunities.runtime.budget import BudgetSpent, Share
from opportunities.runtime.heartbeats import ClockWatch
from tests.support.office import Office
from tests.support.slant_box import TurnedClock

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("ahead", "due"), [(-3600, True), (0, True), (1, False), (60, False), (100, True), (7200, True)]
)
def test_a_time_further_ahead_than_one_that_is_stored_now_is_due(ahead: int, due: bool) -> None:
    now = TurnedClock().now()
    assert is_due(now + timedelta(seconds=ahead), now, longest=timedelta(seconds=60)) is due
    assert is_due(None, now, longest=HOUR)


@pytest.mark.parametrize("seconds", [-7200, -45, 45, 7200])
def test_a_round_reads_no_time_from_a_clock_that_was_set_during_it(seconds: float) -> None:
    clock = TurnedClock()
    steady = SteadyClock(clock)
    clock.turn(600)
    assert steady.now() == clock.now()

    clock.jump(seconds)

    with pytest.raises(ClockJumped):
        steady.now()
    assert unwatched(steady).now() == clock.now(), "what happened may still be written down"


def test_a_clock_that_is_slow_to_answer_has_not_jumped() -> None:
    class Slow(TurnedClock):
        def now(self) -> Any:
            self.turn(40)
            reading = super().now()
            self.turn(40)
            return reading

    steady = SteadyClock(Slow())
    for _ in range(3):
        steady.now()


@pytest.mark.parametrize("seconds", [-7200, -45, 7200])
def test_a_round_in_which_the_clock_is_set_ends_and_the_next_one_handles_it(
    office: Office, seconds: float
) -> None:
    office.submit()
    office.box.before_read = lambda: office.clock.jump(seconds)

    assert office.round() == 0.0, "another round is due at once"
    assert office.box.created == [], "nothing is sent before the jump was handled"
    office.box.before_read = lambda: None
    office.round()

    assert len(office.box.created) == 1


def test_a_lease_given_before_the_clock_was_set_back_is_free(db: None, clock: TurnedClock) -> None:
    first = leases.take("sync", owner="killed", seconds=60, clock=clock)
    assert leases.take("sync", owner="another", seconds=60, clock=clock) is None

    clock.jump(-7200)

    assert leases.available(["sync"], clock=clock) == {"sync"}
    assert leases.is_free("sync", first_after=HOUR, clock=clock)
    assert leases.take("sync", owner="another", seconds=60, clock=clock) == (first or 0) + 1


def test_a_lease_is_kept_for_as_long_as_it_was_last_given(db: None, clock: TurnedClock) -> None:
    fence = leases.take("nightly", owner="me", seconds=60, clock=clock)
    assert fence is not None
    leases.renew("nightly", owner="me", fence=fence, seconds=3600, clock=clock)
    clock.turn(minutes=59)

    assert not leases.available(["nightly"], clock=clock)
    assert leases.take("nightly", owner="another", seconds=60, clock=clock) is None


def test_a_lease_of_an_older_version_keeps_its_end(db: None, clock: TurnedClock) -> None:
    Lease.objects.create(pk="sync", owner="older", until=clock.now() + HOUR)
    assert leases.take("sync", owner="another", seconds=60, clock=clock) is None


@pytest.mark.parametrize("pause", ["busy_until", "probe_at"])
def test_a_pause_from_before_the_clock_was_set_back_is_over(db: None, clock: TurnedClock, pause: str) -> None:
    Budget.objects.update(opened_at=clock.now(), **{pause: clock.now() + timedelta(hours=2)})

    assert breaker.state(clock.now()).probe_at == clock.now()
    assert breaker.take_probe_turn(clock=clock)
    breaker.back_off(60, clock=clock)
    assert breaker.state(clock.now()).probe_at == clock.now() + timedelta(seconds=60)


def test_calls_made_while_the_clock_was_two_hours_behind_stay_in_the_hour(
    db: None, clock: TurnedClock
) -> None:
    """No round saw either change: the calls of the meantime are counted when it is put right."""
    budget.take(Share.PEOPLE, calls=100, clock=clock)
    clock.jump(-7200)
    budget.take(Share.PEOPLE, calls=100, clock=clock)
    assert budget.calls_left(clock) == 700

    clock.turn(minutes=62)
    assert budget.calls_left(clock) == 900, "and they leave it like all others"


def test_a_worker_counts_nothing_by_a_clock_that_was_set_forward_since_its_round_began(
    db: None, clock: TurnedClock
) -> None:
    steady = SteadyClock(clock)
    budget.take(Share.PEOPLE, calls=840, clock=steady)
    clock.jump(7200)

    with pytest.raises(ClockJumped):
        budget.take(Share.PEOPLE, calls=1, clock=steady)
    budget.handle_clock_jump(clock=clock)
    with pytest.raises(BudgetSpent):
        budget.take(Share.PEOPLE, calls=1, clock=clock)


def test_a_clock_set_forward_while_every_worker_was_off_frees_no_call(office: Office) -> None:
    office.round()
    office.clock.turn(minutes=1)
    budget.take(Share.PEOPLE, calls=500, clock=office.clock)
    left = budget.calls_left(office.clock)

    office.clock.jump(7200)
    office.round("a worker that was started just now")

    assert budget.calls_left(office.clock) <= left
    office.clock.turn(minutes=62)
    assert budget.calls_left(office.clock) == 900


def test_a_worker_that_slept_between_two_readings_has_seen_no_jump(db: None, clock: TurnedClock) -> None:
    heartbeats.beat("one", clock=clock)
    clock.turn(400)
    assert heartbeats.beat("one", clock=clock) is ClockWatch.STEADY


def test_a_round_that_failed_after_the_clock_was_set_hides_no_jump(db: None, clock: TurnedClock) -> None:
    heartbeats.beat("one", clock=clock)
    clock.turn(10)
    clock.jump(7200)
    heartbeats.record_failure("one", OSError("disk full"), clock=clock)
    clock.turn(5)

    assert heartbeats.beat("one", clock=clock) is ClockWatch.JUMPED
