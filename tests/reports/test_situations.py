"""What each report says in each situation a manager may find it in: the sentence, or why nothing is shown.

The day is 23 November 2026. Each table names a situation, tells the firm, and lists what must be said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pytest

from opportunities.models import Role
from opportunities.reports.sheets import Links, Sheet
from opportunities.selectors.reports.registry import REPORTS
from tests.reports.story import CARL, LOST, WON, B, Desk, on, settle, small_firm, tell
from tests.support.people import make_person

THIS_QUARTER = (date(2026, 10, 1), date(2026, 12, 31))
LAST_QUARTER = (date(2026, 7, 1), date(2026, 9, 30))
NEXT_QUARTER = (date(2027, 1, 1), date(2027, 3, 31))
DECEMBER = date(2026, 12, 10)

NOTHING_OPEN = "There are no open deals here. Widen the filters if any are set, or enter the first deal."
NOTHING_HAPPENED = "Nothing happened here in this period. Choose a longer period or widen the filters."
NOT_BEGUN = "This period has not begun yet, so nothing in it has been won or lost. Choose one that has."
UNKNOWN_THEN = (
    "History begins on 15 Oct, after this period, so what happened to open deals in it is not known."
)
NO_BOOKS = "You work in no book in Slant yet, so there are no deals to report on."
NO_PACE = "No month has 10 decisions and a win, so velocity would be chance alone."


def nothing() -> None:
    """No deal was ever entered."""


def one_deal() -> None:
    """One deal of $100,000, at 40%, due in December."""
    tell("d", created=on(10, 5), value=100_000, target_close_date=DECEMBER, stage_id=B)


def short_history() -> None:
    """Slantweb has run since 10 November. A win of October was found; one deal is new."""
    tell("w", created=on(7, 1), seen=on(11, 10), stage_id=WON, stage_since=on(10, 20), value=50_000)
    tell("e", created=on(7, 1), seen=on(11, 10), value=70_000, stage_id=B, target_close_date=DECEMBER)
    tell("n", created=on(11, 12), value=30_000, target_close_date=DECEMBER)


def begun_in_october() -> None:
    """Slantweb has run since 15 October: of the third quarter it knows a win that Slant dates."""
    tell("w", created=on(7, 1), seen=on(10, 15), stage_id=WON, stage_since=on(9, 20), value=50_000)
    tell("e", created=on(7, 1), seen=on(10, 15), value=70_000, stage_id=B, target_close_date=DECEMBER)


def without_values() -> None:
    """No deal has a value: one was there, of three new ones one was won and one lost."""
    tell("old", created=on(6, 1), seen=on(6, 15))
    for id, stage in (("a", B), ("b", WON), ("c", LOST)):
        tell(id, (on(11, 1), {"stage_id": stage}), created=on(10, 5), target_close_date=DECEMBER)


def all_stale() -> None:
    """Six deals of $10,000, past their close date, in their stage since June."""
    for number in range(6):
        closed = date(2026, 11, 1)
        tell(f"s{number}", created=on(6, 20), value=10_000, stage_id=B, target_close_date=closed)


@dataclass(frozen=True)
class Situation:
    firm: Callable[[], None]
    says: dict[str, str]
    period: tuple[date, date] = THIS_QUARTER
    owner: str = ""
    has_book: bool = True


SITUATIONS = {
    "nothing yet": Situation(
        nothing,
        {
            "overview": NOTHING_OPEN,
            "forecast": NOTHING_OPEN,
            "changes": NOTHING_HAPPENED,
            "ageing": NOTHING_OPEN,
            "funnel": NOTHING_HAPPENED,
            "owners": NOTHING_OPEN,
            "data-quality": NOTHING_OPEN,
            "velocity": NOTHING_HAPPENED,
        },
    ),
    "one deal": Situation(
        one_deal,
        {
            "overview": "Nothing was won this quarter. 1 deal worth $100,000 is open; weighted, $40,000.",
            "forecast": "Nothing is won yet this quarter and $40,000 weighted is due: 80% likely to end "
            "between $0 and $100K.",
            "changes": "Nothing changed in the open pipeline from 5 Oct to today: $100,000. "
            "History begins on 5 Oct, so nothing before it can be compared. There were no new deals.",
            "ageing": "The one deal here is stale, $100,000 in total.",
            "funnel": "Nothing has changed since history began on 5 Oct. From now on it is kept "
            "automatically.",
            "owners": "The whole weighted pipeline, $40,000, is with Olivia. Most stale deals: Olivia, 1 "
            "deal.",
            "data-quality": "The one deal here needs attention. Most often: stale, 1 deal.",
            "velocity": NO_PACE,
        },
    ),
    "a history shorter than the period": Situation(
        short_history,
        {
            "overview": "$50,000 was won this quarter. 2 deals worth $100,000 are open; weighted, $31,000. "
            "One deal was decided: won.",
            "forecast": "$50,000 is won this quarter and $31,000 weighted is due: 80% likely to end between "
            "$50K and $120K.",
            "changes": "The open pipeline grew by $30,000 from 10 Nov to today. "
            "History begins on 10 Nov, so nothing before it can be compared. 1 new deal brought $30,000.",
            "ageing": "1 of 2 deals is stale, $70,000 in total.",
            "funnel": "1 deal entered a stage since 10 Nov, when history begins; none was lost this quarter. "
            "1 deal was won this quarter.",
            "owners": "The whole weighted pipeline, $31,000, is with Olivia. "
            "Most stale deals: Olivia, 1 of 2 deals.",
            "data-quality": "1 of 2 deals needs attention. Most often: stale, 1 deal.",
            "velocity": NO_PACE,
        },
    ),
    "a period before history": Situation(
        begun_in_october,
        {
            "overview": "$50,000 was won last quarter. What was open then is not known: history begins on "
            "15 Oct. One deal was decided: won.",
            "forecast": "$50,000 was won in Q3 2026.",
            "changes": UNKNOWN_THEN,
            "ageing": "The one deal here is stale, $70,000 in total.",
            "funnel": UNKNOWN_THEN,
            "owners": "The whole weighted pipeline, $28,000, is with Olivia. Most stale deals: Olivia, 1 "
            "deal.",
            "data-quality": "The one deal here needs attention. Most often: stale, 1 deal.",
            "velocity": NO_PACE,
        },
        LAST_QUARTER,
    ),
    "no targets": Situation(
        small_firm,
        {
            "overview": "$620,000 was won this quarter. 18 deals worth $3,190,000 are open; weighted, "
            "$967,000. Of 5 deals decided, 60% were won.",
            "forecast": "$620,000 is won this quarter and $617,000 weighted is due: 80% likely to end "
            "between "
            "$950K and $1.56M. One deal, Deal d23 (Okonkwo), is 27% of everything weighted that is due. "
            "1 deal, $90,000, is past its close date and not counted in any month. 2 deals have no close "
            "date.",
            "changes": "The open pipeline grew by $840,000 from 1 Oct to today, even after $620,000 was won. "
            "11 new deals brought $2,170,000. For every dollar won, 1.08 dollars were lost. "
            "Values were lowered by $30,000.",
            "ageing": "11 of 18 deals are stale, $1,910,000 in total. "
            "The five that have waited longest belong to Carl and Olivia.",
            "funnel": "14 deals entered a stage this quarter, and 2 were lost. 3 deals were won this "
            "quarter.",
            "owners": "Carl holds 45% of the weighted pipeline, $432,000. Most stale deals: Carl, all 7 "
            "deals.",
            "data-quality": "14 of 18 deals need attention. 1 deal belongs to someone who left the book.",
            "velocity": NO_PACE,
        },
    ),
    "all without value": Situation(
        without_values,
        {
            "overview": "1 deal was won this quarter, without a value. 2 deals are open, without a value "
            "yet. "
            "Of 2 deals decided, 1 was won.",
            "forecast": "1 deal without a value is won this quarter and 1 deal is due, without a value yet. "
            "1 deal has no close date.",
            "changes": "1 deal was open on 1 Oct and 2 are today, without a value yet. "
            "3 new deals came, without a value yet.",
            "ageing": "1 of 2 deals is stale, without a value yet.",
            "funnel": "3 deals entered a stage this quarter, and 1 was lost. 1 deal was won this quarter.",
            "owners": "All 2 deals are with Olivia, and none can be weighted yet. "
            "Most stale deals: Olivia, 1 of 2 deals.",
            "data-quality": "All 2 deals need attention. Most often: no value, 2 deals.",
            "velocity": NO_PACE,
        },
    ),
    "everything stale": Situation(
        all_stale,
        {
            "overview": "Nothing was won this quarter. 6 deals worth $60,000 are open; weighted, $24,000.",
            "forecast": "Nothing is won yet this quarter, and nothing is due. "
            "6 deals, $60,000, are past their close date and not counted in any month.",
            "changes": "Nothing changed in the open pipeline from 1 Oct to today: $60,000. "
            "There were no new deals.",
            "ageing": "All 6 deals are stale, $60,000 in total. "
            "The five that have waited longest all belong to Olivia.",
            "funnel": NOTHING_HAPPENED,
            "owners": "The whole weighted pipeline, $24,000, is with Olivia. "
            "Most stale deals: Olivia, all 6 deals.",
            "data-quality": "All 6 deals need attention. Most often: close date passed, 6 deals.",
            "velocity": NO_PACE,
        },
    ),
    "a past period": Situation(
        small_firm,
        {
            "overview": "$250,000 was won last quarter. 13 deals worth $2,350,000 were open at its end; "
            "weighted, $773,000. Of 4 deals decided, 2 were won.",
            "forecast": "$250,000 was won in Q3 2026. "
            "1 deal, $90,000, is past its close date and not counted in any month. 2 deals have no close "
            "date.",
            "changes": "The open pipeline grew by $540,000 from 1 Jul to 30 Sep, even after $330,000 was "
            "won. "
            "9 new deals brought $1,310,000. For every dollar won, 1.36 dollars were lost.",
            "ageing": "11 of 18 deals are stale, $1,910,000 in total. "
            "The five that have waited longest belong to Carl and Olivia.",
            "funnel": "11 deals entered a stage last quarter, and 2 were lost. 2 deals were won last "
            "quarter.",
            "owners": "Carl holds 45% of the weighted pipeline, $432,000. Most stale deals: Carl, all 7 "
            "deals.",
            "data-quality": "14 of 18 deals need attention. 1 deal belongs to someone who left the book.",
            "velocity": NO_PACE,
        },
        LAST_QUARTER,
    ),
    "a future period": Situation(
        small_firm,
        {
            "overview": "Next quarter has not begun, so nothing has been won in it. "
            "18 deals worth $3,190,000 are open; weighted, $967,000.",
            "forecast": "$271,000 weighted is due in Q1 2027: 80% likely to end between $0 and $610K. "
            "1 deal, $90,000, is past its close date and not counted in any month. 2 deals have no close "
            "date.",
            "changes": NOT_BEGUN,
            "ageing": "11 of 18 deals are stale, $1,910,000 in total. "
            "The five that have waited longest belong to Carl and Olivia.",
            "funnel": NOT_BEGUN,
            "owners": "Carl holds 45% of the weighted pipeline, $432,000. Most stale deals: Carl, all 7 "
            "deals.",
            "data-quality": "14 of 18 deals need attention. 1 deal belongs to someone who left the book.",
            "velocity": NOT_BEGUN,
        },
        NEXT_QUARTER,
    ),
    "one owner": Situation(
        small_firm,
        {
            "overview": "$530,000 was won this quarter. 7 deals worth $1,410,000 are open; weighted, "
            "$432,000. Of 2 deals decided, all were won.",
            "forecast": "$530,000 is won this quarter and $237,000 weighted is due: 80% likely to end "
            "between "
            "$570K and $910K. 1 deal, $90,000, is past its close date and not counted in any month. "
            "1 deal has no close date.",
            "changes": "The open pipeline grew by $200,000 from 1 Oct to today, even after $530,000 was won. "
            "3 new deals brought $580,000. Values were lowered by $30,000.",
            "ageing": "All 7 deals are stale, $1,410,000 in total. "
            "The five that have waited longest all belong to Carl.",
            "funnel": "4 deals entered a stage this quarter, and none was lost. "
            "2 deals were won this quarter.",
            "owners": "The whole weighted pipeline, $432,000, is with Carl. "
            "Most stale deals: Carl, all 7 deals.",
            "data-quality": "All 7 deals need attention. Most often: stale, 7 deals.",
            "velocity": NO_PACE,
        },
        owner=CARL,
    ),
    "nothing in reach": Situation(small_firm, dict.fromkeys(REPORTS, NO_BOOKS), has_book=False),
}


def sheets_of(desk: Desk, situation: Situation) -> dict[str, Sheet]:
    """Every report of the situation, as its viewer gets it."""
    situation.firm()
    settle()
    person = desk.manager
    if not situation.has_book:
        person = make_person("Nora New", Role.SALES, member_id="us_new")
    query = desk.query(*situation.period, person=person, owner=situation.owner)
    return {
        slug: report.sheet_of(query, report.context_of(query, Links())) for slug, report in REPORTS.items()
    }


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_report_says_what_is_true_in(desk: Desk, name: str) -> None:
    sheets = sheets_of(desk, SITUATIONS[name])

    assert {
        slug: sheet.empty or f"{sheet.finding} {sheet.lede}".strip() for slug, sheet in sheets.items()
    } == SITUATIONS[name].says
    for slug, sheet in sheets.items():
        for panel in sheet.panels:
            assert (panel.table.title == "The same numbers") <= (panel.chart is not None), (
                slug,
                panel.table.id,
            )


def test_each_situation_asks_every_report() -> None:
    assert {name for name, situation in SITUATIONS.items() if set(situation.says) != set(REPORTS)} == set()
