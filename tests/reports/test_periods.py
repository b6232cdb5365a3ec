"""Calendar days, months and fiscal quarters."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from opportunities.periods import Period, compared, named, quarter_number, quarter_of

TODAY = date(2026, 11, 23)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(days, st.integers(1, 12))
def test_fiscal_quarters_follow_each_other_from_the_month_the_year_begins(day: date, starts: int) -> None:
    quarter = quarter_of(day, starts)
    after = quarter_of(quarter.end, starts)

    assert day in quarter
    assert quarter.first.day == 1
    assert (quarter.first.month - starts) % 3 == 0
    assert after.first == quarter.end
    assert quarter_number(quarter.first, starts)[1] == (quarter.first.month - starts) % 12 // 3 + 1


@given(days, st.integers(0, 900), st.integers(1, 12))
def test_slices_months_and_quarters_leave_no_day_out(first: date, more: int, starts: int) -> None:
    period = Period(first, first + timedelta(days=more))

    for cut in (period.slices(6), period.months()):
        assert (cut[0].first, cut[-1].last) == (period.first, period.last)
        assert all(one.end == other.first for one, other in pairwise(cut))
    quarters = period.quarters(starts)
    assert quarters[0].first <= period.first
    assert quarters[-1].last >= period.last


def test_a_running_quarter_is_compared_with_as_much_of_the_one_before() -> None:
    quarter = named("this-quarter", TODAY, 1)

    assert compared(quarter, TODAY) == (
        Period(date(2026, 10, 1), TODAY),
        Period(date(2026, 7, 1), date(2026, 8, 23)),
    )
    assert compared(named("last-quarter", TODAY, 1), TODAY)[1] == Period(date(2026, 4, 1), date(2026, 6, 30))
    assert compared(Period(date(2026, 11, 10), date(2026, 11, 12)), TODAY)[1] == Period(
        date(2026, 11, 7), date(2026, 11, 9)
    )


def test_periods_by_name_in_a_year_that_begins_in_april() -> None:
    told = {name: named(name, TODAY, 4) for name in ("this-quarter", "this-year", "since-last-monday")}

    assert told == {
        "this-quarter": Period(date(2026, 10, 1), date(2026, 12, 31)),
        "this-year": Period(date(2026, 4, 1), date(2027, 3, 31)),
        "since-last-monday": Period(date(2026, 11, 16), TODAY),
    }
    assert quarter_number(date(2026, 10, 1), 4) == (2027, 3)
