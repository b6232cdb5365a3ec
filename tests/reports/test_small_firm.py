"""Thirty deals over two quarters (story.small_firm), every number worked out by hand on paper and written
down here.

Quarter: 1 October to 23 November 2026, noon. In thousands of dollars:

    open on 1 Oct   d03 300  d04 400  d05 500  d06 50  d07 90  d09 -  d10 120  d13 350  d14 70
                    d15 90  d16 110  d17 130  d18 140                                       13 deals, 2,350
    new             d19 160  d20 170  d21 180  d22 190  d23 210  d24 220  d25 230  d26 -  d27 260
                    d28 270  d29 280                                                        11 deals, 2,170
    raised          d03 +50 (as it was won)  d24 +20                                                     70
    reopened        d08 80                        lowered   d14 -30
    won             d03 350  d15 90  d21 180  620           lost      d05 500  d20 170  670
    archived        d06 50                        gone      d16 110
    open now        2,350 + 2,170 + 70 + 80 - 30 - 620 - 670 - 50 - 110 = 3,190, 18 deals

    weighted now    d04 40  d07 36  d08 48  d10 60 (its own 50%)  d13 140  d14 16  d17 13  d18 56
                    d19 96  d22 19  d23 168 (its own 80%)  d24 24  d25 92  d27 104  d28 27
                    d29 28                                                            967
    days to win     d03 135 (2 Jun to 15 Oct)  d15 80 (1 Sep to 20 Nov)  d21 26 (10 Oct to 5 Nov)
    before          1 July to 23 August: won d01 100 (d08 was reopened since); lost d02 200 and d12 250;
                    made d11 d12 d13 d14 d30
"""

from datetime import date
from typing import Any

from opportunities.models import Target
from opportunities.periods import Period
from opportunities.reports.forecast.numbers import LATER, OVERDUE, UNDATED
from opportunities.reports.quality import (
    HOUSEHOLD_LOST,
    NO_DATE,
    NO_HOUSEHOLD,
    NO_VALUE,
    PASSED,
    STALE,
    UNREADABLE,
)
from opportunities.reports.quality import LEFT as OWNER_LEFT
from opportunities.selectors.reports.changes import fetch_board
from tests.reports.story import (
    CARL,
    HARBOR,
    LEFT,
    NOW,
    OLIVIA,
    OTTO,
    SUMMIT,
    WON,
    A,
    B,
    C,
    Desk,
    ageing_of,
    changes_of,
    forecast_of,
    funnel_of,
    on,
    overview_of,
    owners_of,
    quality_of,
    tell,
    velocity_of,
)

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)
NOTHING = {
    "new": (0, 0),
    "raised": (0, 0),
    "reopened": (0, 0),
    "moved-in": (0, 0),
    "moved-out": (0, 0),
    "won": (0, 0),
    "lost": (0, 0),
    "lowered": (0, 0),
    "archived": (0, 0),
    "gone": (0, 0),
}


def steps(result: Any) -> dict[str, tuple[int, int]]:
    return {step.key: (step.deals, step.effect) for step in result.steps}


def test_overview(small: Desk) -> None:
    result = overview_of(small.query(FIRST, LAST))

    told = {
        measure.key: (measure.now, measure.before, measure.deals, measure.deals_before)
        for measure in result.measures
    }
    assert told == {
        "open": (3_190_000, 2_350_000, 18, 13),
        "weighted": (967_000, 773_000, 18, 13),
        "won": (620_000, 100_000, 3, 1),
        "lost": (670_000, 450_000, 2, 2),
        "created": (11, 5, 11, 5),
        "win-rate": (0.6, 1 / 3, 5, 3),
        "average": (620_000 / 3, 100_000, 3, 1),
        "days-to-win": (80, 80, 3, 1),
    }
    # As October began: d03 and d05 in Third, d07 d14 d18 in Second, d10 by its own 50%, the rest in First.
    assert result.open_now.valueless == 2


def test_what_changed(small: Desk) -> None:
    result = changes_of(small.query(FIRST, LAST))

    assert (result.opening.deals, result.opening.value) == (13, 2_350_000)
    assert steps(result) == {
        "new": (11, 2_170_000),
        "raised": (2, 70_000),
        "reopened": (1, 80_000),
        "moved-in": (0, 0),
        "moved-out": (0, 0),
        "won": (3, -620_000),
        "lost": (2, -670_000),
        "lowered": (1, -30_000),
        "archived": (1, -50_000),
        "gone": (1, -110_000),
    }
    assert (result.closing.deals, result.closing.value) == (18, 3_190_000)
    assert result.unexplained == 0
    assert [(line.id, line.what, line.effect) for line in result.largest[:3]] == [
        ("d05", "lost", -500_000),
        ("d03", "won", -350_000),
        ("d29", "new", 280_000),
    ]


def test_what_changed_for_one_owner_counts_deals_handed_over(small: Desk) -> None:
    olivia = changes_of(small.query(FIRST, LAST, owner=OLIVIA))
    carl = changes_of(small.query(FIRST, LAST, owner=CARL))
    harbor = changes_of(small.query(FIRST, LAST, book=HARBOR))

    assert (olivia.opening.value, olivia.closing.value) == (440_000, 820_000)
    assert steps(olivia) == NOTHING | {
        "new": (4, 870_000), "moved-out": (2, -270_000), "lost": (1, -170_000), "archived": (1, -50_000),
    }  # fmt: skip
    assert steps(carl)["moved-in"] == (1, 130_000)
    assert steps(harbor)["moved-out"] == (1, -140_000)


def test_forecast(small: Desk) -> None:
    Target.objects.create(member_id=CARL, quarter=FIRST, amount=1_000_000, set_by="Mona", set_at=NOW)
    result = forecast_of(small.query(FIRST, date(2027, 3, 31)))

    months = [
        (row.won.value, row.open.deals, row.open.value, row.open.weighted // 100) for row in result.rows
    ]
    assert months == [
        (350_000, 0, 0, 0),
        (270_000, 3, 580_000, 180_000),  # d18 d19 d29
        (0, 8, 1_210_000, 437_000),  # d04 d08 d10 d14 d17 d23 d25 d26
        (0, 2, 610_000, 244_000),  # d13 d27
        (0, 1, 270_000, 27_000),  # d28
        (0, 0, 0, 0),
    ]
    apart = {row.key: (row.open.deals, row.open.value, row.open.weighted // 100) for row in result.outside}
    assert apart == {OVERDUE: (1, 90_000, 36_000), UNDATED: (2, 190_000, 19_000), LATER: (1, 240_000, 24_000)}
    assert (result.open.deals, result.open.value, result.open.weighted) == (18, 3_190_000, 96_700_000)
    quarter = result.quarters[0]
    assert (quarter.won.value, quarter.target and quarter.target.target) == (620_000, 1_000_000)
    assert quarter.spread
    assert (quarter.spread.method, quarter.spread.weighted) == ("exact", 61_700_000)
    assert quarter.low <= quarter.middle <= quarter.high <= 620_000 + 1_790_000
    (carl,) = result.targets
    assert (carl.owner, carl.won, carl.target, carl.reached) == (CARL, 530_000, 1_000_000, 0.53)


def test_funnel(small: Desk) -> None:
    """Entered First: d19 d20 d22 d24 d26 d28 d29; Second: d13 d19 d21 d25 d27; Third: d08 (again) d15 d19
    d23.
    """
    result = funnel_of(small.query(FIRST, LAST))

    told = {
        flow.stage: (flow.entered, flow.moved_on, flow.lost, flow.here, flow.conversion)
        for flow in result.flows
        if flow.entered
    }
    assert told == {A: (7, 1, 1, 5, 0.5), B: (5, 2, 0, 3, 1.0), C: (4, 1, 0, 3, 1.0)}
    # Fourteen deals entered a stage (d19 two); of the two that were lost, d05 was in its stage before.
    assert (result.entered, result.won, result.lost) == (14, 3, 2)
    assert [(pipeline.lost, pipeline.lost_before) for pipeline in result.pipelines] == [(2, 1), (0, 0)]


def test_ageing(small: Desk) -> None:
    """In First for 1, 3, 18, 34, 42, 69, 166 and 170 days; stale after 30."""
    result = ageing_of(small.query(FIRST, LAST))

    stages = {age.stage.id: (age.deals, age.stale, age.stale_value) for age in result.pipelines[0].stages}
    assert stages == {A: (8, 5, 960_000), B: (7, 5, 740_000), C: (3, 1, 210_000)}
    first = result.pipelines[0].stages[0]
    assert (first.median, first.p90) == (38, 170)
    assert [(line.id, line.days) for line in result.lines[:4]] == [
        ("d07", 172),
        ("d09", 170),
        ("d10", 169),
        ("d04", 166),
    ]
    assert result.stale == len(result.lines) == 11


def test_by_owner(small: Desk) -> None:
    result = owners_of(small.query(FIRST, LAST))

    people = {
        side.key: (
            side.open.deals,
            side.open.value,
            side.open.weighted // 100,
            side.outcome.won_value,
            side.outcome.lost_value,
        )
        for side in result.people
    }
    assert people == {
        CARL: (7, 1_410_000, 432_000, 530_000, 0),
        OTTO: (5, 690_000, 220_000, 90_000, 500_000),
        OLIVIA: (5, 820_000, 288_000, 0, 170_000),
        LEFT: (1, 270_000, 27_000, 0, 0),
    }
    books = {side.key: (side.open.deals, side.stale) for side in result.books}
    assert books == {HARBOR: (13, 9), SUMMIT: (5, 2)}
    assert (result.all.open.value, result.all.outcome.won_value) == (3_190_000, 620_000)


def test_data_quality(small: Desk) -> None:
    result = quality_of(small.query(FIRST, LAST))

    found = {
        problem.key: (problem.deals, sorted(line.id for line in problem.lines))
        for problem in result.problems
        if problem.key != STALE
    }
    assert found == {
        PASSED: (1, ["d07"]),
        NO_VALUE: (2, ["d09", "d26"]),
        NO_DATE: (2, ["d09", "d22"]),
        NO_HOUSEHOLD: (1, ["d27"]),
        HOUSEHOLD_LOST: (0, []),
        OWNER_LEFT: (1, ["d28"]),
        UNREADABLE: (0, []),
    }
    assert result[STALE].deals == 11
    # Left without a fault: d08 d19 d25 d29.
    assert (result.open, result.clean) == (18, 4)


def test_velocity(small: Desk) -> None:
    """November: open as it began d04 d05 d07 d09 d10 d13 d14 d15 d17 d18 d19 d21 d22 d23 d24, then d08 d25 to
    d29.
    """
    result = velocity_of(small.query(date(2025, 12, 1), date(2026, 11, 30)))

    november = result.months[-1]
    assert november.period == Period(date(2026, 11, 1), date(2026, 11, 30))
    assert (november.deals, november.outcome.won, november.outcome.lost, november.outcome.cycle) == (
        21,
        2,
        1,
        53,
    )
    # Three decisions are too few to tell it.
    assert november.velocity is None
    assert november.ratio is not None
    assert round(november.ratio, 2) == round(21 * 135_000 * 2 / 3 / 53, 2)
    # July: d01 to d10 and d30, and d11 and d12, which came in it.
    assert result.months[-5].deals == 13


def test_the_board_of_a_past_day(small: Desk) -> None:
    """As 30 September ended: First d04 d06 d09 d13 d15 d16 d17, Second d07 d10 d14 d18, Third d03 d05."""
    piles = fetch_board(small.query(FIRST, LAST), date(2026, 9, 30))

    told = {
        stage: (
            sum(pile.deals for pile in piles if pile.stage == stage),
            sum(pile.value for pile in piles if pile.stage == stage),
        )
        for stage in (A, B, C)
    }
    assert told == {
        A: (7, 1_130_000),
        B: (4, 420_000),
        C: (2, 800_000),
    }


def test_a_deal_found_already_won_counts_on_the_day_slant_says(desk: Desk) -> None:
    tell("e1", created=on(7, 1), seen=on(11, 1), stage_id=WON, stage_since=on(10, 20), value=50_000)
    tell("e2", created=on(7, 1), seen=on(11, 1), stage_id=WON, stage_since=on(9, 20), value=70_000)

    won = overview_of(desk.query(FIRST, LAST))["won"]

    assert (won.now, won.before, won.deals) == (50_000, 0, 1)
    assert changes_of(desk.query(FIRST, LAST))["won"].deals == 0


def test_a_first_load_in_pieces_is_where_history_begins_and_no_movement(desk: Desk) -> None:
    tell("f1", created=on(7, 1), seen=on(11, 1, 10), value=10_000)
    tell("f2", created=on(7, 1), seen=on(11, 1, 11), value=20_000)
    tell("f3", created=on(11, 2), value=40_000)
    tell("f4", created=on(7, 1), seen=on(11, 5), value=80_000)

    result = changes_of(desk.query(FIRST, LAST))

    assert (result.opening.value, result.closing.value) == (30_000, 150_000)
    assert steps(result) == NOTHING | {"new": (1, 40_000), "moved-in": (1, 80_000)}
