"""How days and times are written, by the firm's DATE_STYLE: pages, prints, mails and sentences ask here.

What scripts read is ISO 8601, whatever the style: posted days, CSV files, attributes of pages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings


@dataclass(frozen=True)
class DateStyle:
    """`year` is whether the year is said; a month of another year needs it."""

    day: Callable[[date, bool], str]
    long_day: Callable[[date, bool], str]
    weekday: Callable[[date, bool], str]
    month: Callable[[date], str]
    time: Callable[[datetime], str]
    seconds: Callable[[datetime], str]


def _hour(moment: datetime) -> int:
    return moment.hour % 12 or 12


STYLES = {
    "us": DateStyle(
        day=lambda day, year: f"{day:%b} {day.day}" + (f", {day.year}" if year else ""),
        long_day=lambda day, year: f"{day:%B} {day.day}" + (f", {day.year}" if year else ""),
        weekday=lambda day, year: f"{day:%A, %B} {day.day}" + (f", {day.year}" if year else ""),
        month=lambda day: f"{day:%b %Y}",
        time=lambda moment: f"{_hour(moment)}:{moment:%M %p}",
        seconds=lambda moment: f"{_hour(moment)}:{moment:%M:%S %p}",
    ),
    "eu": DateStyle(
        day=lambda day, year: f"{day.day} {day:%b}" + (f" {day.year}" if year else ""),
        long_day=lambda day, year: f"{day.day} {day:%B}" + (f" {day.year}" if year else ""),
        weekday=lambda day, year: f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if year else ""),
        month=lambda day: f"{day:%b %Y}",
        time=lambda moment: f"{moment:%H:%M}",
        seconds=lambda moment: f"{moment:%H:%M:%S}",
    ),
    "iso": DateStyle(
        day=lambda day, year: day.isoformat(),
        long_day=lambda day, year: day.isoformat(),
        weekday=lambda day, year: f"{day:%A} {day.isoformat()}",
        month=lambda day: f"{day:%Y-%m}",
        time=lambda moment: f"{moment:%H:%M}",
        seconds=lambda moment: f"{moment:%H:%M:%S}",
    ),
}


def day(value: date, today: date) -> str:
    """`Nov 30`, `30 Nov` or `2026-11-30`; the year where it is not that of `today`."""
    return _style().day(value, value.year != today.year)


def long_day(value: date) -> str:
    """`November 30, 2026`, `30 November 2026` or `2026-11-30`."""
    return _style().long_day(value, True)


def weekday(value: date, today: date) -> str:
    """`Monday, November 30`, `Monday 30 November` or `Monday 2026-11-30`."""
    return _style().weekday(value, value.year != today.year)


def month(value: date) -> str:
    """`Nov 2026` or `2026-11`."""
    return _style().month(value)


def time(moment: datetime) -> str:
    """`2:05 PM` or `14:05`, in the zone `moment` has."""
    return _style().time(moment)


def time_with_seconds(moment: datetime) -> str:
    """`2:05:09 PM` or `14:05:09`, in the zone `moment` has."""
    return _style().seconds(moment)


def exact(moment: datetime) -> str:
    """With its year, to the minute, and the zone `moment` has: `Nov 30, 2026, 2:05 PM EST`."""
    return f"{_style().day(moment.date(), True)}, {time(moment)} {moment:%Z}"


def _style() -> DateStyle:
    return STYLES[settings.DATE_STYLE]
