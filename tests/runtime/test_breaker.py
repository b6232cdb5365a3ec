"""One breaker for the firm: an outage costs few calls, and ends when Slant is back."""

import pytest

from opportunities.runtime import breaker, budget
from opportunities.runtime.budget import Share, SlantAway
from opportunities.slant import errors
from tests.support.slant_box import TurnedClock

AWAY = errors.SlantUnreachable(log_line="GET /books -> no answer: NewConnectionError")
LOST = errors.SlantNoAnswer(log_line="POST /opportunities -> no answer: deadline passed")
BROKEN = errors.SlantNoAnswer(status=503, log_line="GET /books -> 503")


def fail(clock: TurnedClock, *failures: errors.SlantError | None) -> None:
    for error in failures:
        breaker.record_exchange(error, clock=clock)


def is_open(clock: TurnedClock) -> bool:
    return breaker.state(clock.now()).is_open


def probe(clock: TurnedClock, error: errors.SlantError | None) -> float:
    """Wait for the turn of the next probe, which ends in `error`. Returns the seconds of waiting."""
    due = breaker.state(clock.now()).probe_at
    assert due is not None
    waited = (due - clock.now()).total_seconds()
    clock.turn(max(0.0, waited))
    assert breaker.take_probe_turn(clock=clock)
    breaker.record_exchange(error, clock=clock, is_probe=True)
    return waited


# When it opens


@pytest.mark.parametrize("error", [AWAY, LOST, BROKEN], ids=["unreachable", "no answer", "503"])
def test_three_exchanges_in_a_row_without_an_answer_stop_every_call(
    db: None, clock: TurnedClock, error: errors.SlantError
) -> None:
    fail(clock, error, error)
    for share in Share:
        budget.take(share, calls=1, clock=clock)
    fail(clock, error)

    for share in set(Share) - {Share.PROBES}:
        with pytest.raises(SlantAway):
            budget.take(share, calls=1, clock=clock)


def test_it_does_not_matter_who_met_them(db: None, clock: TurnedClock) -> None:
    fail(clock, AWAY, LOST, BROKEN)

    assert is_open(clock)


@pytest.mark.parametrize(
    "answer", [None, errors.SlantRejected(status=422), errors.SlantRefusedUs(status=401)]
)
def test_an_answer_in_between_ends_the_row(
    db: None, clock: TurnedClock, answer: errors.SlantError | None
) -> None:
    fail(clock, AWAY, AWAY, answer, AWAY, AWAY)

    assert not is_open(clock)


def test_what_slant_answers_oddly_does_not_mean_that_it_is_away(db: None, clock: TurnedClock) -> None:
    odd = errors.SlantNoAnswer(status=200)
    odd.undocumented = True
    conflict = errors.SlantNoAnswer(status=409)
    moved = errors.SlantNoAnswer(status=302)

    fail(clock, *[odd, conflict, moved, errors.PageLimitHit()] * 3)

    assert not is_open(clock)


def test_others_are_told_since_when_it_is_open_and_what_was_met(db: None, clock: TurnedClock) -> None:
    assert breaker.state(clock.now()) == breaker.BreakerState()
    fail(clock, AWAY, AWAY, AWAY)
    since = clock.now()
    probe(clock, BROKEN)

    now = breaker.state(clock.now())

    assert (now.open_since, now.last_error) == (since, "GET /books -> 503")
    probe(clock, None)
    assert breaker.state(clock.now()).open_since is None


# Probes


def test_probes_come_after_a_second_and_then_after_twice_as_long_up_to_a_minute(
    db: None, clock: TurnedClock
) -> None:
    fail(clock, AWAY, AWAY, AWAY)

    waits = [probe(clock, AWAY) for _ in range(10)]

    for wait, most in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert most * 0.85 <= wait <= most


def test_a_slant_that_answers_me_and_nothing_else_is_asked_less_and_less(
    db: None, clock: TurnedClock
) -> None:
    waits = []
    for _ in range(9):
        fail(clock, BROKEN, BROKEN, BROKEN)
        waits.append(probe(clock, None))

    assert waits[0] <= 1
    assert min(waits[6:]) >= 50
    clock.turn(61)
    fail(clock, BROKEN, BROKEN, BROKEN)
    assert probe(clock, None) <= 1, "what works for a minute begins anew"


def test_one_machine_that_cannot_reach_slant_does_not_make_the_others_wait_longer_each_time(
    db: None, clock: TurnedClock
) -> None:
    waits = []
    for _ in range(9):
        # Its calls reach nobody, and the probe of another machine is answered.
        fail(clock, AWAY, AWAY, AWAY)
        waits.append(probe(clock, None))

    assert max(waits) <= 1


def test_chance_keeps_installations_from_probing_in_step(db: None, clock: TurnedClock) -> None:
    fail(clock, AWAY, AWAY, AWAY)

    assert len({round(probe(clock, AWAY), 3) for _ in range(16)}) > 14


def test_one_worker_of_all_makes_the_probe_and_another_if_that_one_dies(db: None, clock: TurnedClock) -> None:
    fail(clock, AWAY, AWAY, AWAY)
    assert not breaker.take_probe_turn(clock=clock), "not yet"
    clock.turn(1)

    assert [breaker.take_probe_turn(clock=clock) for _ in range(3)] == [True, False, False]
    clock.turn(16)
    assert breaker.take_probe_turn(clock=clock)


@pytest.mark.parametrize("status", [429, 503])
def test_no_probe_comes_before_slant_said(db: None, clock: TurnedClock, status: int) -> None:
    kind = errors.SlantBusy if status == 429 else errors.SlantNoAnswer
    fail(clock, kind(status=status, retry_after=600))

    assert is_open(clock), "what Slant asks for is obeyed at once"
    assert probe(clock, kind(status=status, retry_after=300)) == 600
    assert probe(clock, None) == 300
    assert not is_open(clock)


def test_a_429_without_a_word_is_a_minute_and_twice_as_long_each_time_up_to_ten(
    db: None, clock: TurnedClock
) -> None:
    fail(clock, errors.SlantBusy(status=429))

    waits = [probe(clock, errors.SlantBusy(status=429)) for _ in range(7)]

    for number, wait in enumerate(waits):
        assert min(60 * 2**number, 600) <= wait <= min(90 * 2**number, 600)


def test_chance_keeps_installations_from_coming_back_in_step_after_a_429(
    db: None, clock: TurnedClock
) -> None:
    waits = set()
    for _ in range(20):
        fail(clock, errors.SlantBusy(status=429))
        waits.add(round(probe(clock, None), 3))
        fail(clock, None)

    assert len(waits) > 10


def test_429s_to_calls_already_under_way_are_not_one_more_in_a_row(db: None, clock: TurnedClock) -> None:
    fail(clock, *[errors.SlantBusy(status=429)] * 8)

    assert probe(clock, None) <= 90


def test_a_success_ends_the_row_of_429s(db: None, clock: TurnedClock) -> None:
    fail(clock, errors.SlantBusy(status=429))
    for _ in range(4):
        probe(clock, errors.SlantBusy(status=429))
    probe(clock, None)
    fail(clock, errors.SlantBusy(status=429))

    assert probe(clock, None) <= 90


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_does_not_keep_the_next_probe_waiting(
    db: None, clock: TurnedClock, hours: int
) -> None:
    fail(clock, errors.SlantBusy(status=429, retry_after=600))

    clock.jump(hours * 3600)

    assert breaker.take_probe_turn(clock=clock)
