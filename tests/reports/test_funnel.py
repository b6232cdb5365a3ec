"""The funnel counts deals: each once in a stage, no move that was undone, and losses as the overview does."""

from datetime import date, timedelta
from typing import Any

from opportunities.reports.funnel import Funnel
from opportunities.reports.sheets import Links, Sheet
from opportunities.selectors.reports.registry import REPORTS
from tests.reports.story import LOST, NOW, OTTO, SUMMIT, WON, A, B, C, Desk, funnel_of, on, overview_of, tell

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)


def to(stage: str) -> dict[str, Any]:
    return {"stage_id": stage}


def sheet_of(desk: Desk, first: date = FIRST, last: date = LAST) -> Sheet:
    query = desk.query(first, last)
    report = REPORTS["funnel"]
    return report.sheet_of(query, report.context_of(query, Links()))


def funnel_now(desk: Desk) -> Funnel:
    return funnel_of(desk.query(FIRST, LAST))


def known_since_june() -> None:
    tell("old", created=on(6, 1), stage_id=C)


def test_a_deal_that_enters_a_stage_twice_is_one_deal(desk: Desk) -> None:
    known_since_june()
    tell("d", (on(10, 10), to(B)), (on(10, 20), to(A)), (on(11, 1), to(B)), created=on(10, 2))

    result = funnel_now(desk)

    assert result.entered == 1
    assert (result[A].entered, result[A].moved_on) == (1, 1)
    assert (result[B].entered, result[B].here) == (1, 1)


def test_a_move_that_was_undone_is_no_entry_and_neither_is_its_way_back(desk: Desk) -> None:
    tell("d", (on(10, 10), to(B)), (on(10, 10, 11), to(A)), created=on(6, 2))

    result = funnel_now(desk)

    assert (result.entered, result[A].entered, result[B].entered) == (0, 0, 0)
    assert sheet_of(desk).finding == "No deal entered a stage this quarter, and none was lost."


def test_a_deal_that_went_back_after_days_did_enter(desk: Desk) -> None:
    tell("d", (on(10, 10), to(B)), (on(10, 10) + timedelta(days=2), to(A)), created=on(6, 2))

    result = funnel_now(desk)

    assert (result[A].entered, result[B].back) == (1, 1)


def test_a_move_made_undone_and_made_again_is_one_entry(desk: Desk) -> None:
    tell("d", (on(10, 10), to(B)), (on(10, 10, 11), to(A)), (on(10, 10, 12), to(B)), created=on(6, 2))

    result = funnel_now(desk)

    assert (result[A].entered, result[B].entered, result[B].here) == (0, 1, 1)


def test_lost_is_what_the_overview_counts_whenever_the_deal_entered_its_stage(desk: Desk) -> None:
    known_since_june()
    tell("inside", (on(11, 1), to(LOST)), created=on(10, 5))
    tell("before", (on(11, 2), to(LOST)), created=on(6, 5))
    tell("reopened", (on(11, 3), to(LOST)), (on(11, 10), to(A)), created=on(10, 6))
    tell("deleted", (on(11, 4), to(LOST)), (on(11, 11), {"gone": True}), created=on(10, 7))
    tell("undated", (on(11, 5), to(LOST) | {"stage_since": None}), created=on(10, 8))

    result, seen = funnel_now(desk), overview_of(desk.query(FIRST, LAST))

    assert result.lost == seen["lost"].deals == 2
    assert (result[A].lost, result[A].here, result[A].away, result[A].uncounted) == (1, 1, 1, 1)
    assert result.pipelines[0].lost_before == 1
    sheet = sheet_of(desk)
    assert sheet.finding == "4 deals entered a stage this quarter, and 2 were lost."
    table = sheet.panels[0].table
    lost = [column.label for column in table.columns].index("Lost")
    assert table.foot
    assert table.foot.cells[lost].value == sum(int(str(row.cells[lost].value)) for row in table.rows) == 2


def test_a_deal_handed_over_after_it_was_lost_is_lost_where_it_is_now(desk: Desk) -> None:
    known_since_june()
    handed = {"assigned_to_id": OTTO, "book_id": SUMMIT}
    tell("d", (on(11, 1), to(LOST)), (on(11, 5), handed), created=on(10, 5))

    otto, harbor = (funnel_of(desk.query(FIRST, LAST, book=book)) for book in (SUMMIT, "bk_harbor"))

    assert (otto.lost, otto.pipelines[0].lost_before, otto[A].lost) == (1, 1, 0)
    assert (harbor.lost, harbor[A].uncounted) == (0, 1)


def test_the_sentence_says_since_when_where_history_is_shorter_than_the_period(desk: Desk) -> None:
    tell("found", (on(11, 12), to(WON)), created=on(7, 1), seen=on(11, 10))
    tell("lost", created=on(7, 1), seen=on(11, 10), stage_id=LOST, stage_since=on(10, 20))
    tell("new", created=on(11, 11))

    sheet = sheet_of(desk)

    assert sheet.finding == (
        "1 deal entered a stage since 10 Nov, when history begins; 1 was lost this quarter."
    )
    assert sheet.lede == "1 deal was won this quarter."


def test_the_deals_behind_a_number_of_the_funnel_are_as_many(desk: Desk) -> None:
    known_since_june()
    tell("d", (on(10, 10), to(B)), (on(10, 20), to(A)), (on(11, 1), to(B)), created=on(10, 2), value=5)
    tell("e", (on(11, 5), to(LOST) | {"stage_since": None}), created=on(10, 8), value=9)
    query = desk.query(FIRST, LAST, now=NOW)
    behind, result = REPORTS["funnel"].behind, funnel_now(desk)
    assert behind

    for outcome in ("entered", "moved_on", "uncounted", "here"):
        for stage in (A, B):
            found = behind.fetch(query, f"{outcome}:{stage}")
            assert found
            assert found.whole == len(found.lines) == result[stage].count(outcome), (outcome, stage)
