"""A deal that changes after it was won or lost is the same on the board and in every report: as it is now, on
the day it came into its stage.
"""

from datetime import date
from typing import Any

import pytest

from opportunities.models import Person
from opportunities.reports.sheets import Links
from opportunities.selection import Selection
from opportunities.selectors.board import page as boards
from opportunities.selectors.reports.registry import REPORTS
from tests.reports.story import (
    CARL,
    LOST,
    NOW,
    OLIVIA,
    WON,
    B,
    Desk,
    changes_of,
    forecast_of,
    on,
    overview_of,
    owners_of,
    settle,
    tell,
    velocity_of,
)

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)
WON_AT = on(10, 20)
# What happened to a deal won at $100,000 on 20 October, and what every place must say was won then.
AFTERWARDS: dict[str, tuple[dict[str, Any], int, int]] = {
    "nothing": ({"name": "The same"}, 1, 100_000),
    "its value was corrected": ({"value": 70_000}, 1, 70_000),
    "it was handed to Carl": ({"assigned_to_id": CARL}, 1, 100_000),
    "it was reopened": ({"stage_id": B}, 0, 0),
    "it was lost after all": ({"stage_id": LOST}, 0, 0),
    "it was deleted": ({"gone": True}, 0, 0),
}


def won_everywhere(desk: Desk, person: Person) -> set[tuple[int, int]]:
    """Deals and dollars won this quarter, as each place counts them."""
    query = desk.query(FIRST, LAST, person=person)
    head = boards.head(person, Selection(pipeline="pl_desk"), NOW)
    overview, owners, forecast = overview_of(query), owners_of(query), forecast_of(query)
    months = velocity_of(query).months
    behind = REPORTS["overview"].behind
    assert head
    assert behind
    listed = behind.fetch(query, "won")
    assert listed
    return {
        (head.figures.won.count, head.figures.won.value),
        (overview["won"].deals, int(overview["won"].now or 0)),
        (owners.all.outcome.won, owners.all.outcome.won_value),
        (
            sum(side.outcome.won for side in owners.people),
            sum(side.outcome.won_value for side in owners.people),
        ),
        (forecast.won.deals, forecast.won.value),
        (sum(month.outcome.won for month in months), sum(month.outcome.won_value for month in months)),
        (listed.whole, sum(line.effect or 0 for line in listed.lines)),
    }


@pytest.mark.parametrize("what", AFTERWARDS)
def test_a_deal_that_changes_after_it_was_won_is_the_same_everywhere(desk: Desk, what: str) -> None:
    changed, deals, value = AFTERWARDS[what]
    tell("d", (WON_AT, {"stage_id": WON}), (on(11, 10), changed), created=on(7, 1), value=100_000)
    settle()

    assert won_everywhere(desk, desk.manager) == {(deals, value)}


def test_a_deal_handed_over_counts_with_whom_it_is_now(desk: Desk) -> None:
    tell("d", (WON_AT, {"stage_id": WON}), (on(11, 10), {"assigned_to_id": CARL}), created=on(7, 1), value=5)
    settle()

    assert overview_of(desk.query(FIRST, LAST, owner=CARL))["won"].now == 5
    assert overview_of(desk.query(FIRST, LAST, owner=OLIVIA))["won"].now == 0


def test_a_won_deal_that_was_deleted_is_counted_apart_in_what_changed(desk: Desk) -> None:
    tell("d", (WON_AT, {"stage_id": WON}), (on(11, 10), {"gone": True}), created=on(7, 1), value=100_000)
    tell("e", created=on(7, 1), value=1)
    settle()
    query = desk.query(FIRST, LAST)
    report = REPORTS["changes"]

    sheet = report.sheet_of(query, report.context_of(query, Links()))

    assert (changes_of(query)["won"].deals, changes_of(query).unexplained) == (1, 0)
    assert sheet.hints[0] == (
        "1 deal worth $100,000, won or lost before, was deleted in Slant: it is in no figure of the other "
        "reports."
    )
