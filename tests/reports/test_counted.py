"""One deal is told as one: "1 deal needs attention", never "1 deal need"."""

from datetime import date
from unittest.mock import Mock

import pytest

from opportunities.periods import Period
from opportunities.reports import telling
from opportunities.reports.ageing import Ageing, PipelineAge, StageAge
from opportunities.reports.quality import LEFT, quality
from opportunities.reports.rows import Amount, Stage
from opportunities.reports.telling import About

TODAY = date(2026, 11, 23)
LEAD = Stage("st", "Lead", "pl", "New money", "open", 10, 1)


@pytest.fixture
def about() -> About:
    return About(Period(TODAY, date(2026, 11, 24)), TODAY, 1, {}, {}, {}, Mock())


@pytest.mark.parametrize(
    ("bad", "finding", "lede"),
    [
        (1, "1 of 18 deals needs attention.", "1 deal belongs to someone who left the book."),
        (2, "2 of 18 deals need attention.", "2 deals belong to someone who left the book."),
    ],
)
def test_deals_that_need_attention(about: About, bad: int, finding: str, lede: str) -> None:
    result = quality(open=18, clean=18 - bad, counts={LEFT: (bad, 100)}, lines={})

    sheet = telling.quality(result, about)

    assert (sheet.finding, sheet.lede) == (finding, lede)


@pytest.mark.parametrize(("count", "told"), [(1, "1 deal"), (18, "18 deals")])
def test_deals_without_a_problem(about: About, count: int, told: str) -> None:
    clean = telling.quality(quality(open=count, clean=count, counts={}, lines={}), about)
    lead = StageAge(LEAD, deals=count, value=0, median=1.0, p90=1, stuck=0, stuck_value=0)
    quick = telling.ageing(Ageing((PipelineAge("pl", "New money", (lead,), count, 1.0, 1),), ()), about)

    assert clean.finding == f"Nothing is missing or out of date: {told} checked."
    assert quick.panels[0].chart.title == "New money: Lead takes longest, a median of 1 day"  # type: ignore[union-attr]
    assert quick.finding == f"Nothing is stuck: {told}, none of them over the limit."
    assert about.gaps(Amount(deals=count, valueless=count)) == (
        f"Without a value yet, and counted as $0: {told}.",
    )
