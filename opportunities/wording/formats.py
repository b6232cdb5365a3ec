"""Formats of amounts, days, moments and counts, the same on pages, in files and in sentences."""

from collections.abc import Sequence
from datetime import date, datetime
from math import floor

from django.utils import timezone

from opportunities import dates

# Money


def money(value: int) -> str:
    """`$640,000`; a minus is U+2212, which lines up with tabular figures."""
    return f"\u2212${-value:,}" if value < 0 else f"${value:,}"


def compact(value: float) -> str:
    """At most three digits: `$640`, `$4.5K`, `$640K`, `$1.24M`, `$2.1B`. The axes of charts use the same
    format.
    """
    whole = floor(abs(value) + 0.5)
    sign = "\u2212" if value < 0 and whole else ""
    if whole < 1_000:
        return f"{sign}${whole}"
    for unit, letter in ((1_000, "K"), (1_000_000, "M"), (1_000_000_000, "B")):
        # A value that rounds up to a thousand of a unit is written as one of the next unit.
        if whole < 999.5 * unit or letter == "B":
            places = max(0, 3 - len(str(whole // unit)))
            # With integers, so that a half is rounded up: a quotient of floats may be slightly below the
            # half.
            scaled = (2 * whole * 10**places + unit) // (2 * unit)
            text = f"{scaled / 10**places:.{places}f}"
            return f"{sign}${text.rstrip('0').rstrip('.') if '.' in text else text}{letter}"
    raise AssertionError("every amount has a unit")


def signed_money(value: int) -> str:
    """`+$640,000`; a minus sign as in `money`."""
    return f"+{money(value)}" if value > 0 else money(value)


# Numbers


def number(value: float | int | None, places: int = 0) -> str:
    return "" if value is None else f"{value:,.{places}f}"


def percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.0f}%"


def signed_percent(share: float) -> str:
    """With its sign, a minus as U+2212: `+12%`."""
    words, sign = percent(abs(share)), "+" if share > 0 else "\u2212"
    return words if words == "0%" else sign + words


# Days and moments


def day(value: date, today: date) -> str:
    """`Nov 30` this year, `Nov 30, 2027` in another, or as the firm writes days (`dates`)."""
    return dates.day(value, today)


def long_day(value: date) -> str:
    return dates.long_day(value)


def moment(value: datetime, now: datetime) -> str:
    """A moment in the firm's zone: only the time if it is today, else the day too."""
    local, today = timezone.localtime(value), timezone.localtime(now).date()
    time = dates.time(local)
    return time if local.date() == today else f"{day(local.date(), today)}, {time}"


def seconds(count: int) -> str:
    return "1 second" if count == 1 else f"{count} seconds"


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


# Counts and lists


def deals(count: int) -> str:
    return "1 deal" if count == 1 else f"{count:,} deals"


def and_list(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
