"""Since when history is known stands once, and only where it matters."""

from datetime import date
from unittest.mock import Mock

from opportunities.periods import Period
from opportunities.reports.context import SheetContext
from opportunities.wording import reports as words

TODAY = date(2026, 11, 30)
QUARTER = Period(date(2026, 10, 1), date(2026, 12, 31))


def hints(known_from: date | None, *, compares: bool = False) -> tuple[str, ...]:
    context = SheetContext(QUARTER, TODAY, 1, {}, {}, {}, Mock(), known_from)
    return context.history_hints(compares=compares)


def test_a_history_longer_than_what_a_report_looks_at_is_not_told() -> None:
    assert hints(date(2025, 6, 1)) == ()
    assert hints(date(2026, 7, 1), compares=True) == ()


def test_a_report_that_compares_says_that_the_time_before_is_not_known() -> None:
    assert len(hints(date(2026, 9, 15), compares=True)) == 1


def test_where_the_headline_says_it_no_hint_says_it_again() -> None:
    assert hints(date(2026, 11, 1)) == ()


def test_without_any_history_each_report_says_so() -> None:
    assert hints(None) == (words.NO_HISTORY,)
