"""One budget for all processes: never more than the hour allows, people first."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.checks import run_checks

from opportunities.models import State
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent, Share
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


def test_a_submission_waits_when_the_hour_is_spent_and_goes_when_it_is_not(office: Office) -> None:
    use_up(Share.PEOPLE, office.clock)
    submission = office.submit()

    office.round()
    assert (fresh(submission).state, submission.reason_code) == (State.QUEUED, "budget")
    office.rounds(minutes=70, every=30)

    assert fresh(submission).state == State.CONFIRMED
