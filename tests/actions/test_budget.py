"""One budget for all processes: never more than the hour allows, people first."""

from datetime import datetime, timedelta

import pytest

from opportunities.actions import budget
from opportunities.actions.budget import BudgetSpent, Share
from opportunities.models import State
from tests.actions.conftest import Office, fresh
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
    budget.slow_down(120, clock=clock)

    with pytest.raises(BudgetSpent):
        budget.take(Share.PEOPLE, calls=1, clock=clock)
    clock.turn(121)
    budget.take(Share.PEOPLE, calls=1, clock=clock)


def test_five_failed_reads_in_a_row_rest_background_reads_but_not_people(
    db: None, clock: TurnedClock
) -> None:
    for _ in range(5):
        budget.read_failed(clock=clock)

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
