"""What reports claim: a change, a target and a velocity are told only where they mean something."""

from collections import Counter
from datetime import date

import pytest

from opportunities.models import Target
from opportunities.periods import Period
from opportunities.reports import overview
from opportunities.reports.forecast.targets import write_target
from opportunities.reports.overview import OverviewRows
from opportunities.reports.overview.numbers import WIN_RATE, WON_VALUE, Measure, PeriodOutcome
from opportunities.reports.rows import Closing
from opportunities.reports.sheets import DAYS, Links
from opportunities.reports.velocity import LEAST_DECIDED, Velocity, VelocityMonth, write_finding
from opportunities.selectors.reports.registry import REPORTS
from opportunities.templatetags.reports import spark_lines
from opportunities.wording import reports as words
from tests.reports.story import CARL, NOW, WON, Desk, forecast_of, on, overview_of, owners_of, settle, tell

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

    target = quarter.target
    assert target
    assert target.won == carl == 530_000
    assert quarter.won.value == 620_000
    assert target.coverage == target.open / 70_000
    said = write_target(target, REPORTS["forecast"].context_of(query, Links()))
    assert said.startswith(
        "The target is $600,000; those who have one won $530,000, and $70,000 is still to be won. "
        "Their deals due, $780,000, cover that 11.1 times."
    )


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
    assert words.of_valued(outcome.valued_won, outcome.valueless_won) == "of 7 with a value"
    assert words.of_valued(8, 0) == ""


def test_no_change_is_told_over_periods_of_different_length(desk: Desk) -> None:
    """Thirty days beside thirty-one are alike; ten days of a running quarter beside a whole one are not."""
    month, short = (Period(date(2026, 10, 1), date(2026, 10, last)) for last in (31, 10))
    before = Period(date(2026, 9, 1), date(2026, 9, 30))
    closings = [Closing("won", bucket, deals=10, value=100 + 50 * bucket) for bucket in (0, 1)]

    def change(now: Period) -> float | None:
        rows = OverviewRows(now, before, (), (), closings, (), (), {}, earlier=1, current=1)
        return overview.calculate(rows)[WON_VALUE].change

    assert change(month) == 0.5
    assert change(short) is None


def test_days_are_whole_where_days_are_shown(desk: Desk) -> None:
    for id, day in (("a", 1), ("b", 4)):
        tell(id, (on(11, 5), {"stage_id": WON}), created=on(10, day), value=7)
        tell(f"open-{id}", created=on(10, day), value=7)
    settle()

    for slug in ("velocity", "ageing", "owners", "overview"):
        query = desk.query(FIRST, LAST)
        sheet = REPORTS[slug].sheet_of(query, REPORTS[slug].context_of(query, Links()))
        days = [
            cell.value
            for panel in sheet.panels
            for row in (*panel.table.rows, *([panel.table.foot] if panel.table.foot else []))
            for cell in row.cells
            if cell.kind == DAYS and cell.value is not None
        ]
        assert days, slug
        assert all(isinstance(value, int) for value in days), (slug, days)


def test_a_gap_of_a_sparkline_is_bridged_and_no_point_stands_alone() -> None:
    lines = spark_lines((0.0, None, 1.0, 0.5, None, None, 0.2))

    assert [line.points for line in lines if not line.is_bridge] == ["32.0,2.0 48.0,12.0"]
    assert [line.points for line in lines if line.is_bridge] == [
        "0.0,22.0 32.0,2.0",
        "48.0,12.0 96.0,18.0",
    ]
    assert all(len(line.points.split()) > 1 for line in lines)


def test_how_the_range_was_computed_is_said_without_its_mathematics() -> None:
    assert not any("convolution" in said or "skew" in said for said in words.METHODS.values())
