"""Days and times are written as the firm writes them; what scripts read is ISO 8601 in every firm."""

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from opportunities import dates
from opportunities.models import Person
from opportunities.selectors.reports.registry import REPORTS
from opportunities.wording import board as board_words
from opportunities.wording import formats
from slantweb.variables import date_style_of
from tests.deals.conftest import Browse, MakeDeal

NOON = datetime(2026, 11, 30, 14, 5, 9, tzinfo=UTC)
DAY, NEXT_YEAR = date(2026, 11, 3), date(2027, 3, 31)


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("us", ["Nov 3", "Mar 31, 2027", "November 3, 2026", "Tuesday, November 3", "Nov 2026", "2:05 PM"]),
        ("eu", ["3 Nov", "31 Mar 2027", "3 November 2026", "Tuesday 3 November", "Nov 2026", "14:05"]),
        ("iso", ["2026-11-03", "2027-03-31", "2026-11-03", "Tuesday 2026-11-03", "2026-11", "14:05"]),
    ],
)
def test_each_style_writes_days_and_times_its_way(settings: Any, style: str, said: list[str]) -> None:
    settings.DATE_STYLE = style

    assert [
        formats.day(DAY, DAY),
        formats.day(NEXT_YEAR, DAY),
        formats.long_day(DAY),
        dates.weekday(DAY, DAY),
        dates.month(DAY),
        dates.time(NOON),
    ] == said


@pytest.mark.parametrize(
    ("hour", "said"), [(0, "12:05 AM"), (1, "1:05 AM"), (11, "11:05 AM"), (12, "12:05 PM"), (23, "11:05 PM")]
)
def test_midnight_and_noon_are_twelve_on_a_twelve_hour_clock(settings: Any, hour: int, said: str) -> None:
    settings.DATE_STYLE = "us"

    assert dates.time(NOON.replace(hour=hour)) == said
    assert dates.time_with_seconds(NOON.replace(hour=hour)) == said.replace(":05", ":05:09")


@pytest.mark.parametrize(
    ("zone", "style"),
    [
        ("America/New_York", "us"),
        ("America/Indiana/Knox", "us"),
        ("Pacific/Honolulu", "us"),
        ("US/Pacific", "us"),
        ("America/Toronto", "eu"),
        ("Europe/Berlin", "eu"),
        ("Australia/Sydney", "eu"),
        ("UTC", "iso"),
        ("Etc/UTC", "iso"),
    ],
)
def test_the_zone_says_how_a_firm_writes_days(zone: str, style: str) -> None:
    assert date_style_of(zone) == style


@pytest.mark.parametrize(
    ("style", "said"), [("us", "January 9, 2031"), ("eu", "9 January 2031"), ("iso", ">2031-01-09")]
)
def test_a_deals_page_writes_its_close_date_so(
    settings: Any, owner: Person, browse: Browse, make_deal: MakeDeal, style: str, said: str
) -> None:
    settings.DATE_STYLE = style
    make_deal("op_far", target_close_date=date(2031, 1, 9))

    assert said in browse(owner).get("/opportunities/op_far/").text


@pytest.mark.parametrize(
    ("close", "said"),
    [
        ("2026-12-01..2026-12-31", "December 1, 2026 to December 31, 2026"),
        ("2026-12-01..", "from December 1, 2026"),
        ("..2026-12-31", "up to December 31, 2026"),
        ("2026-11", "Nov 2026"),
    ],
)
def test_a_filter_by_days_is_said_as_the_firm_writes_days(settings: Any, close: str, said: str) -> None:
    settings.DATE_STYLE = "us"

    assert board_words.closing(close) == said


# A day of ISO or of Europe, or an hour of a 24-hour clock.
FOREIGN = re.compile(
    r"\d{4}-\d\d-\d\d|\b\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"|\b\d\d?:\d\d(?!(?::\d\d)? [AP]M|\d)"
)
MONTH = "close=2026-12-01..2026-12-31&status=all"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        f"/board/?{MONTH}",
        f"/board/?view=list&{MONTH}",
        "/opportunities/op_late/",
        "/submissions/",
        *(f"/reports/{slug}/" for slug in REPORTS),
        "/reports/changes/?day=2026-06-01",
    ],
)
def test_no_page_of_an_american_firm_shows_a_day_or_time_as_others_write_it(
    owner: Person, browse: Browse, make_deal: MakeDeal, settings: Any, path: str
) -> None:
    settings.DATE_STYLE, settings.TIME_ZONE = "us", "America/New_York"
    make_deal("op_late", target_close_date=date(2026, 12, 24), value=640_000)

    page = browse(owner).get(path)

    assert page.status_code == 200
    shown = re.sub(r"<(script|style|noscript)\b.*?</\1>", "", page.text, flags=re.DOTALL)
    words = re.sub(r"<[^>]*>", " ", shown)
    said = " ".join(re.findall(r'(?:aria-label|title|placeholder)="([^"]*)"', shown))
    assert FOREIGN.findall(f"{words} {said}") == []
