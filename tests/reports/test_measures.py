"""Every measure has one definition (reports/measures.py), which pages, files and docs/reports.md share."""

from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from opportunities.listing import Reading, Sorting
from opportunities.models import Opportunity
from opportunities.reports import measures
from opportunities.selection import Selection
from opportunities.selectors import listing
from opportunities.selectors.board.parts import Sums
from tests.reports.story import NOW, WON, A, Desk, on, settle, tell, velocity_of

GLOSSARY = Path(__file__).parents[2] / "docs" / "reports.md"


@pytest.mark.parametrize(("hundredths", "dollars"), [(50, 1), (150, 2), (250, 3), (249, 2), (0, 0)])
def test_half_a_dollar_is_rounded_up_everywhere(hundredths: int, dollars: int) -> None:
    assert measures.to_dollars(hundredths) == dollars
    assert Sums(weighted=hundredths).weighted_dollars == dollars
    assert measures.weighted(hundredths, 1, measures.OPEN) == dollars


@pytest.mark.parametrize("meaning", [measures.WON, measures.LOST, measures.ARCHIVED])
def test_a_closed_deal_has_no_weighted_value(meaning: str) -> None:
    assert measures.weighted(1_000, 50, meaning) is None
    assert measures.weighted(1_000, 50, measures.OPEN) == 500


def test_list_and_file_weigh_open_deals_alone_and_their_foot_is_the_sum_of_the_lines(desk: Desk) -> None:
    tell("one", created=on(10, 1), value=125, probability=10)
    tell("two", (on(10, 9), {"stage_id": WON}), created=on(10, 1), value=996_000, probability=100)
    settle()

    shown = listing.listing(desk.manager, Selection(pipeline="pl_desk"), Reading(Sorting()), NOW)
    _, rows = listing.file_rows(desk.manager, Selection(pipeline="pl_desk"), Sorting(), NOW)

    assert shown
    assert {line.id: line.weighted for line in shown.lines} == {"one": 13, "two": None}
    assert shown.total.weighted == 1_250
    assert {float(row[8]) for row in rows if row[8] is not None} == {12.5}  # type: ignore[arg-type]


def test_the_list_sorted_by_weighted_puts_closed_deals_last(desk: Desk) -> None:
    tell("open", created=on(10, 1), value=100, stage_id=A)
    tell("won", (on(10, 9), {"stage_id": WON}), created=on(10, 1), value=996_000)
    settle()
    by_weighted = Reading(Sorting("weighted", down=True))

    shown = listing.listing(desk.manager, Selection(pipeline="pl_desk"), by_weighted, NOW)

    assert shown
    assert [line.id for line in shown.lines] == ["open", "won"]


def test_the_velocity_of_a_period_that_has_not_begun_says_so(small: Desk) -> None:
    query = small.query(date(2027, 4, 1), date(2027, 6, 30))

    assert velocity_of(query).months == ()
    assert Opportunity.objects.exists()


def test_the_page_of_velocity_opens_for_a_period_that_has_not_begun(small: Desk, today: Any) -> None:
    from opportunities.reports.sheets import Links
    from opportunities.selectors.reports.registry import REPORTS

    query = small.query(date(2027, 4, 1), date(2027, 6, 30))
    report = REPORTS["velocity"]

    sheet = report.sheet_of(query, report.context_of(query, Links()))

    assert sheet.empty.startswith("This period has not begun yet")


def test_the_glossary_has_the_definition_of_each_measure() -> None:
    text = " ".join(GLOSSARY.read_text(encoding="utf-8").split())

    assert [name for name, words in measures.DEFINITIONS.items() if words not in text] == []


@pytest.mark.parametrize("slug", ["overview", "velocity"])
def test_each_report_says_what_its_figures_mean(small: Desk, today: Any, client: Any, slug: str) -> None:
    client.force_login(small.manager)

    html = unescape(client.get(f"/reports/{slug}/", follow=True).content.decode())

    assert "What is this?" in html
    assert [words for words in measures.DEFINITIONS.values() if words not in html] == []
