"""One budget for all processes: never more than the hour allows, people first."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks

from opportunities.models import State
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent, Share
from opportunities.slant.transport import Raw
from tests.support.office import Office, fresh
from tests.support.slant_box import TurnedClock


def use_up(share: Share, clock: TurnedClock) -> int:
    made = 0
    while True:
        try:
            budget.take(share, calls=1, clock=clock)
        except BudgetSpent:
            return made
        made += 1


def test_background_sync_leaves_four_hundred_calls_to_others(db: None, clock: TurnedClock) -> None:
    assert use_up(Share.SYNC, clock) == 500


def test_people_may_use_all_but_sixty_and_sync_still_has_its_own(db: None, clock: TurnedClock) -> None:
    assert use_up(Share.PEOPLE, clock) == 840
    assert use_up(Share.SYNC, clock) == 60
    assert use_up(Share.CHECKS, clock) == 0


def test_no_rolling_hour_holds_more_than_the_budget(db: None, clock: TurnedClock) -> None:
    made: dict[datetime, int] = {}
    for _ in range(150):
        clock.turn(minutes=1)
        try:
            budget.take(Share.PEOPLE, calls=31, clock=clock)
        except BudgetSpent:
            continue
        made[clock.now()] = 31

    for end in made:
        hour = [calls for moment, calls in made.items() if end - timedelta(hours=1) <= moment <= end]
        assert sum(hour) <= 900


def test_what_slant_asked_for_stops_everybody(db: None, clock: TurnedClock) -> None:
    budget.back_off(120, clock=clock)

    with pytest.raises(BudgetSpent):
        budget.take(Share.PEOPLE, calls=1, clock=clock)
    clock.turn(121)
    budget.take(Share.PEOPLE, calls=1, clock=clock)


def test_without_a_word_from_slant_we_wait_a_minute_and_twice_as_long_each_time_it_repeats_itself(
    db: None, clock: TurnedClock
) -> None:
    waits = []
    for _ in range(8):
        until = budget.back_off(None, clock=clock)
        waits.append((until - clock.now()).total_seconds())
        clock.turn(waits[-1])

    for number, wait in enumerate(waits):
        at_least = 60 * 2**number
        assert min(at_least, 3600) <= wait <= min(at_least * 1.5, 3600)


def test_chance_keeps_houses_from_coming_back_in_step(db: None, clock: TurnedClock) -> None:
    waits = set()
    for _ in range(20):
        waits.add(budget.back_off(None, clock=clock) - clock.now())
        clock.turn(minutes=2)
        budget.record_success()

    assert len(waits) > 10


def test_answers_to_calls_already_under_way_are_not_one_more_429_in_a_row(
    db: None, clock: TurnedClock
) -> None:
    for _ in range(8):
        until = budget.back_off(None, clock=clock)

    assert until - clock.now() <= timedelta(seconds=90)


def test_a_success_ends_the_row(db: None, clock: TurnedClock) -> None:
    for _ in range(4):
        clock.turn((budget.back_off(None, clock=clock) - clock.now()).total_seconds())
    budget.record_success()

    assert budget.back_off(None, clock=clock) - clock.now() <= timedelta(seconds=90)


def test_one_429_after_a_long_outage_stops_people_for_minutes_and_not_for_an_hour(office: Office) -> None:
    lost = office.submit()
    office.box.mischief.append("drop_after")
    office.round()
    office.box.down = True
    office.rounds(minutes=90, every=30)
    office.box.down = False
    new = [office.submit(name=f"Entered later {number}") for number in range(3)]
    office.box.mischief.append("429")

    office.rounds(minutes=6, every=15)

    assert [fresh(each).state for each in (lost, *new)] == [State.CONFIRMED] * 4


def test_429s_do_not_count_as_failed_reads(db: None, clock: TurnedClock) -> None:
    for _ in range(5):
        clock.turn((budget.back_off(1, clock=clock) - clock.now()).total_seconds())

    budget.record_read_failure(clock=clock)

    budget.take(Share.SYNC, calls=1, clock=clock)


def test_a_503_that_says_when_to_come_back_is_obeyed_by_reads_and_by_the_next_send(office: Office) -> None:
    submission = office.submit()
    real = office.slant._transport.exchange
    asked: list[datetime] = []

    def resting(method: str, url: str, **rest: Any) -> Raw:
        asked.append(office.clock.now())
        if method == "POST" and len(office.box.created) == 0:
            answer = real(method, url, **rest)
            return Raw(503, {"retry-after": "600"}, answer.body, False)
        return real(method, url, **rest)

    office.slant._transport.exchange = resting  # type: ignore[method-assign]
    office.round()
    refused_at, second = office.clock.now(), office.submit(name="The next one")
    office.rounds(minutes=12)

    assert not [at for at in asked if refused_at < at < refused_at + timedelta(minutes=10)]
    assert [fresh(each).state for each in (submission, second)] == [State.CONFIRMED] * 2
    assert len(office.box.created) == 2


def test_a_read_that_is_told_when_to_come_back_keeps_people_waiting_too(office: Office) -> None:
    real = office.slant._transport.exchange

    def resting(method: str, url: str, **rest: Any) -> Raw:
        return Raw(503, {"retry-after": "300"}, b"", False)

    office.slant._transport.exchange = resting  # type: ignore[method-assign]
    office.round()
    office.slant._transport.exchange = real  # type: ignore[method-assign]
    submission = office.submit()

    office.rounds(minutes=4.5)
    assert fresh(submission).state == State.QUEUED
    office.rounds(minutes=1)
    assert fresh(submission).state == State.CONFIRMED


@pytest.mark.parametrize("allowed", [-5, 0, 1, 59, 90, 199])
def test_no_share_of_a_small_budget_is_negative_and_it_is_refused_at_start(
    settings: Any, allowed: int
) -> None:
    settings.SLANT_HOURLY_BUDGET = allowed

    assert all(budget.limit_of(share) >= 0 for share in Share)
    [complaint] = [error for error in run_checks() if error.id == "slantweb.E002"]
    assert complaint.hint


def test_the_smallest_budget_that_is_not_refused_leaves_calls_for_everybody(settings: Any) -> None:
    settings.SLANT_HOURLY_BUDGET = budget.MINIMUM_BUDGET

    assert not [error for error in run_checks() if error.id == "slantweb.E002"]
    assert min(budget.limit_of(share) for share in Share) >= 80


def test_five_failed_reads_in_a_row_rest_background_reads_but_not_people(
    db: None, clock: TurnedClock
) -> None:
    for _ in range(5):
        budget.record_read_failure(clock=clock)

    with pytest.raises(BudgetSpent):
        budget.take(Share.SYNC, calls=1, clock=clock)
    budget.take(Share.PEOPLE, calls=1, clock=clock)


def test_a_submission_waits_when_the_hour_is_spent_and_goes_when_it_is_not(office: Office) -> None:
    use_up(Share.PEOPLE, office.clock)
    submission = office.submit()

    office.round()
    assert (fresh(submission).state, submission.reason_code) == (State.QUEUED, "budget")
    office.rounds(minutes=70, every=30)

    assert fresh(submission).state == State.CONFIRMED
