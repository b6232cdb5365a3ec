"""One deal is told as one: "1 deal needs attention", never "1 deal need"."""

from datetime import date
from unittest.mock import Mock

import pytest

from opportunities.periods import Period
from opportunities.reports import ageing, quality
from opportunities.reports.ageing import AgeingRows
from opportunities.reports.context import SheetContext
from opportunities.reports.quality import LEFT, QualityRows
from opportunities.reports.rows import AgeCount, Amount, ReportStage

TODAY = date(2026, 11, 23)
LEAD = ReportStage("st", "Lead", "pl", "New money", "open", 10, 1)


@pytest.fixture
def context() -> SheetContext:
    return SheetContext(Period(TODAY, date(2026, 11, 24)), TODAY, 1, {}, {}, {}, Mock())


@pytest.mark.parametrize(
    ("bad", "finding", "lede"),
    [
        (1, "1 of 18 deals needs attention.", "1 deal belongs to someone who left the book."),
        (2, "2 of 18 deals need attention.", "2 deals belong to someone who left the book."),
    ],
)
def test_deals_that_need_attention(context: SheetContext, bad: int, finding: str, lede: str) -> None:
    rows = QualityRows(open=18, clean=18 - bad, counts={LEFT: (bad, 100)})

    sheet = quality.build_sheet(rows, context)

    assert (sheet.finding, sheet.lede) == (finding, lede)


@pytest.mark.parametrize(("count", "told"), [(1, "1 deal"), (18, "18 deals")])
def test_deals_without_a_problem(context: SheetContext, count: int, told: str) -> None:
    clean = quality.build_sheet(QualityRows(open=count, clean=count, counts={}), context)
    ages = [AgeCount(LEAD.id, days=1, deals=count)]
    quick = ageing.build_sheet(AgeingRows(ages, {LEAD.id: LEAD}), context)

    assert clean.finding == f"Nothing is missing or out of date: {told} checked."
    assert quick.panels[0].chart.title == "New money: Lead takes a median of 1 day"  # type: ignore[union-attr]
    assert quick.finding == f"Nothing is stale: {told}, none over the limit."
    assert context.gap_hints(Amount(deals=count, valueless=count)) == (
        f"Without a value yet, and counted as $0: {told}.",
    )
