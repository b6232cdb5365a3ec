"""Which deals somebody wants to see, as plain values: forms read it from an address, selectors fetch it.

The same selection stands behind the board, the list, the CSV and a number of a report (`forms/selection.py`
says how it is written in an address; `selectors/selection.py` what it finds).
"""

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

BOARD, LIST = "board", "list"
ME, NOBODY = "me", "none"

OVERDUE = "overdue"
WINDOWS = ("this-month", "next-month", "this-quarter", "next-quarter")
MISSING = ("value", "date", "any", "closing")

# What kept totals know (models.StageTotal). A selection that asks for more has to be counted.
KEPT = frozenset({"pipeline", "book", "owner", "view"})


@dataclass(frozen=True)
class Days:
    """Calendar days from `first` to `last`, both included; None leaves that side open."""

    first: date | None
    last: date | None


@dataclass(frozen=True)
class Selection:
    """Ids are Slant's. Empty means: not narrowed by this.

    `owner` is a member's id, `me`, or `none` for deals without one. `min` and `max` are whole US dollars.
    `close` is `overdue`, one of WINDOWS, a month (`2026-11`) or days (`2026-11-01..2026-11-30`, either side
    may be left out).
    """

    pipeline: str = ""
    stage: tuple[str, ...] = ()
    book: str = ""
    owner: str = ""
    q: str = ""
    household: str = ""
    min: int | None = None
    max: int | None = None
    close: str = ""
    stale: bool = False
    missing: str = ""
    ids: tuple[str, ...] = ()
    view: str = BOARD

    def query(self, **changes: Any) -> str:
        """The query string of this selection with `changes` put over it; no `?`, names in fixed order."""
        selection = replace(self, **changes)
        pairs: list[tuple[str, str]] = []
        for field in fields(selection):
            value = getattr(selection, field.name)
            if value == field.default:
                continue
            for item in value if isinstance(value, tuple) else (value,):
                pairs.append((field.name, "1" if item is True else str(item)))
        return urlencode(pairs)

    @property
    def is_kept(self) -> bool:
        """Whether kept totals answer it, so that nothing has to be counted."""
        plain = Selection(**{name: getattr(self, name) for name in KEPT})
        return self == plain

    @property
    def narrowed_by(self) -> tuple[str, ...]:
        """The names of the filters in use; a pipeline is a place, not a filter."""
        return tuple(
            field.name
            for field in fields(self)
            if field.name not in ("pipeline", "view") and getattr(self, field.name) != field.default
        )


def close_days(close: str, today: date, *, year_starts: int) -> Days:
    """The days a `close` of a selection means. Raises `ValueError` for one that cannot be read."""
    if close == OVERDUE:
        return Days(None, today - timedelta(days=1))
    match close:
        case "this-month":
            return _months(today.replace(day=1), 1)
        case "next-month":
            return _months(_later(today.replace(day=1), 1), 1)
        case "this-quarter":
            return quarter(today, year_starts=year_starts)
        case "next-quarter":
            return _months(_later(_quarter_start(today, year_starts), 3), 3)
    if ".." in close:
        first, last = (date.fromisoformat(part) if part else None for part in close.split("..", 1))
        return Days(first, last)
    return _months(date.fromisoformat(f"{close}-01"), 1)


def quarter(day: date, *, year_starts: int) -> Days:
    """The fiscal quarter `day` lies in; `year_starts` is the month the fiscal year begins with."""
    return _months(_quarter_start(day, year_starts), 3)


def _quarter_start(day: date, year_starts: int) -> date:
    return _later(day.replace(day=1), -((day.month - year_starts) % 3))


def _months(first: date, count: int) -> Days:
    return Days(first, _later(first, count) - timedelta(days=1))


def _later(first: date, months: int) -> date:
    """The first day of the month `months` after that of `first`."""
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)
