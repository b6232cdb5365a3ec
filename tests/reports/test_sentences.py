"""What reports claim: a change, a target and a velocity are told only where they mean something."""

from collections import Counter
from datetime import date

import pytest

from opportunities.models import Target
from opportunities.periods import Period
from opportunities.reports.forecast.sheet import _target_sentence
from opportunities.reports.overview.numbers import WIN_RATE, WON_VALUE, Measure, PeriodOutcome
from opportunities.reports.velocity import LEAST_DECIDED, Velocity, VelocityMonth, write_finding
from opportunities.wording import reports as words
from tests.reports.story import CARL, NOW, Desk, forecast_of, overview_of, owners_of

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)


def test_the_change_of_a_rate_is_in_points_and_that_of_money_in_percent() -> None:
    assert words.points(Measure(WIN_RATE, 0.78, 0.5, 9, 8).change) == "+28 points"
    assert words.points(Measure(WIN_RATE, 0.49, 0.5, 9, 8).change) == "\u22121 point"
    assert words.change(Measure(WON_VALUE, 300, 200, 9, 8).change) == "+50%"


def test_no_change_is_told_against_fewer_than_five_deals(small: Desk) -> None:
    result = overview_of(small.query(FIRST, LAST))

    assert result[WON_VALUE].before == 100_000
    assert result[WON_VALUE].change is None
    assert result["created"].change == 1.2


def test_a_target_is_compared_with_the_wins_of_those_who_have_one(small: Desk) -> None:
    Target.objects.create(member_id=CARL, quarter=FIRST, amount=600_000, set_at=NOW)
    query = small.query(FIRST, LAST)
    carl = owners_of(small.query(FIRST, LAST, owner=CARL)).all.outcome.won_value

    quarter = forecast_of(query).quarters[0]

    assert quarter.target_won == carl == 530_000
    assert quarter.won.value == 620_000
    assert quarter.coverage == quarter.target_open / 70_000
    assert "those who have a target won $530,000, $70,000 is still to be won" in _target_sentence(quarter)


@pytest.mark.parametrize(("decided", "is_told"), [(LEAST_DECIDED - 1, False), (LEAST_DECIDED, True)])
def test_velocity_is_told_from_ten_decisions_on_and_says_what_it_rests_on(
    decided: int, is_told: bool
) -> None:
    outcome = PeriodOutcome(2, 200_000, decided - 2, 0, 0, Counter({30: 2}))
    month = VelocityMonth(Period(date(2026, 10, 1), date(2026, 10, 31)), 20, outcome)

    finding = write_finding(Velocity((month,)))

    assert (month.velocity is not None) == is_told
    assert finding.endswith("a ratio that rests on 10 deals decided.") == is_told


def test_the_average_says_how_many_deals_it_divides_by_and_days_are_whole() -> None:
    outcome = PeriodOutcome(8, 700, 0, 0, 1, Counter({10: 1, 13: 1}))

    assert (outcome.average, outcome.valued_won) == (100, 7)
    assert outcome.days_to_win == 12
