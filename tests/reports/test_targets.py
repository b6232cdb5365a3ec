"""Targets: like is compared with like, in one quarter, and past quarters stay."""

from datetime import date

import pytest

from opportunities.models import Member, Person, Role, Target
from opportunities.reports.forecast.numbers import Forecast
from opportunities.reports.sheets import Links, Sheet
from opportunities.selectors.reports.registry import REPORTS
from tests.reports.story import (
    CARL,
    HARBOR,
    LEFT,
    NOW,
    OLIVIA,
    OTTO,
    SUMMIT,
    WON,
    B,
    Desk,
    forecast_of,
    on,
    tell,
)
from tests.support.people import make_person

THIRD, FOURTH, FIRST = date(2026, 7, 1), date(2026, 10, 1), date(2027, 1, 1)


def aim(member: str, quarter: date, amount: int) -> None:
    Target.objects.create(member_id=member, quarter=quarter, amount=amount, set_at=NOW)


def forecast(desk: Desk, first: date, last: date, person: Person | None = None, **asked: str) -> Forecast:
    return forecast_of(desk.query(first, last, person=person, **asked))


def told(result: Forecast) -> list[tuple[str, date, int, int, int]]:
    return [(row.owner, row.quarter.first, row.target, row.won, row.open) for row in result.targets]


@pytest.fixture
def carls(desk: Desk) -> Desk:
    """Carl won $30,000 in the third quarter and $50,000 in the fourth, where $40,000 of his is due."""
    for id, day, value in (("a", on(8, 1), 30_000), ("b", on(11, 1), 50_000)):
        tell(id, (day, {"stage_id": WON}), created=on(7, 1), value=value, assigned_to_id=CARL)
    tell(
        "c", created=on(7, 1), value=40_000, stage_id=B, assigned_to_id=CARL,
        target_close_date=date(2026, 12, 10),
    )  # fmt: skip
    tell("o", (on(11, 2), {"stage_id": WON}), created=on(7, 1), value=900_000)
    return desk


def test_a_person_s_quarters_are_never_added_into_one_target(carls: Desk) -> None:
    for quarter, amount in ((THIRD, 100_000), (FOURTH, 70_000), (FIRST, 300_000)):
        aim(CARL, quarter, amount)

    result = forecast(carls, THIRD, date(2027, 3, 31))

    assert told(result) == [
        (CARL, THIRD, 100_000, 30_000, 0),
        (CARL, FOURTH, 70_000, 50_000, 40_000),
        (CARL, FIRST, 300_000, 0, 0),
    ]
    assert [row.coverage for row in result.targets] == [0, 2, 0]


def sheet_of(desk: Desk, first: date, last: date) -> Sheet:
    query = desk.query(first, last)
    report = REPORTS["forecast"]
    return report.sheet_of(query, report.context_of(query, Links()))


def test_coverage_stands_beside_the_target_and_people_together_under_them(carls: Desk) -> None:
    aim(CARL, FOURTH, 70_000)
    aim(OLIVIA, FOURTH, 1_000_000)

    sheet = sheet_of(carls, FOURTH, date(2026, 12, 31))
    table = next(panel.table for panel in sheet.panels if panel.table.id == "targets")

    assert [[cell.value for cell in row.cells] for row in table.rows] == [
        ["Olivia", "Q4 2026", 1_000_000, 900_000, 0.9, 0, 0.0],
        ["Carl", "Q4 2026", 70_000, 50_000, 50_000 / 70_000, 40_000, 2.0],
        ["Together", "Q4 2026", 1_070_000, 950_000, 950_000 / 1_070_000, 40_000, 40_000 / 120_000],
    ]
    assert sheet.lede.startswith(
        "The target is $1,070,000; those who have one won $950,000, and $120,000 is still to be won. "
        "Their deals due, $40,000, cover that 0.3 times."
    )


def test_the_target_of_a_past_quarter_is_told_in_the_past_also_of_who_left(carls: Desk) -> None:
    aim(CARL, THIRD, 100_000)
    aim(LEFT, THIRD, 10_000)

    sheet = sheet_of(carls, THIRD, date(2026, 9, 30))

    assert sheet.finding == "$30,000 was won in Q3 2026."
    assert sheet.lede.startswith("The target was $110,000; those who had one won $30,000, $80,000 less.")
    assert len(told(forecast(carls, THIRD, date(2026, 9, 30)))) == 2


def test_one_sees_no_target_of_whom_one_sees_in_part(carls: Desk) -> None:
    """Carl also works in Summit. Olivia would see his wins in Harbor beside the target of both books."""
    Member.objects.create(book_id=SUMMIT, user_id=CARL, first_name="Carl", role="contributor")
    for member in (CARL, OLIVIA, OTTO):
        aim(member, FOURTH, 100_000)
    olivia = make_person("Olivia Owner", Role.SALES, member_id=OLIVIA)

    seen = forecast(carls, FOURTH, date(2026, 12, 31), olivia)
    whole = forecast(carls, FOURTH, date(2026, 12, 31))
    of_book = forecast(carls, FOURTH, date(2026, 12, 31), book=HARBOR)

    assert {row.owner for row in seen.targets} == {OLIVIA}
    assert {row.owner for row in whole.targets} == {CARL, OLIVIA, OTTO}
    assert of_book.targets == ()
