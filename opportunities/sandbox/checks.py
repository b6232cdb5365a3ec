"""Reading a body and the single values in it: each check returns the value or adds a sentence."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opportunities.sandbox.answers import invalid
from opportunities.sandbox.store import Row, stamp

NAME_MAX = 255  # Slant API 10.20
VALUE_MAX = 2_000_000_000  # whole US dollars, Slant API 1 and 10.20

DEEPEST = 200  # levels of a body; what is deeper could be read, but not be written into an answer again

# As seconds since the epoch, fractions of the last second of 9999 would round up into a year no date can
# tell.
LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass
class Problems:
    """Sentences by field; `stop()` raises them as one refusal."""

    by_field: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, sentence: str) -> None:
        self.by_field.setdefault(name, []).append(sentence)

    def stop(self) -> None:
        if self.by_field:
            raise invalid(self.by_field)

    def text(self, body: Row, name: str, *, required: bool = False, most: int | None = None) -> str | None:
        """A string; blank counts as absent."""
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            self.add(name, "must be a string")
            return None
        if value is None or not value.strip():
            if required:
                self.add(name, "can't be blank")
            return None
        if most is not None and len(value) > most:
            self.add(name, f"is too long (maximum is {most} characters)")
            return None
        return value

    def integer(self, body: Row, name: str, low: int, high: int) -> int | None:
        """A whole number in a range: 7.0 is the same JSON number as 7, true is none."""
        value = body.get(name)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(name, "must be an integer")
            return None
        if not low <= value <= high:
            self.add(name, f"must be between {low} and {high}")
            return None
        return value

    def moment(self, body: Row, name: str, *, after: float | None = None) -> str | None:
        """An ISO 8601 date-time with zone, kept as UTC; with `after` it must lie in the future of that
        moment.
        """
        value = body.get(name)
        if value is None:
            return None
        when = parse_moment(value)
        if when is None:
            self.add(name, "must be an ISO 8601 date-time")
            return None
        if after is not None and when <= after:
            self.add(name, "must be in the future")
            return None
        return stamp(when)

    def choice(self, body: Row, name: str, allowed: tuple[str, ...], *, required: bool = False) -> str | None:
        value = self.text(body, name, required=required)
        if value is not None and value not in allowed:
            self.add(name, f"must be one of {', '.join(allowed)}")
            return None
        return value

    def nulls(
        self, body: Row, field_names: frozenset[str], never: Collection[str], switches: dict[str, str]
    ) -> Row:
        """The known fields of a PATCH, nulls kept, dropped or refused (`null_in_patch`, Slant API 10.15).

        `never` are the fields answers may not lack, so they cannot be cleared.
        """
        changes = {name: value for name, value in body.items() if name in field_names}
        mode = switches["null_in_patch"]
        for name in [name for name, value in changes.items() if value is None]:
            if mode == "reject" or (mode == "clear" and name in never):
                self.add(name, "can't be null")
            if mode != "clear" or name in never:
                del changes[name]
        return changes

    def unknown(self, body: Row, field_names: frozenset[str], switches: dict[str, str]) -> None:
        """Fields no page lists: ignored or refused, Slant API 10.16."""
        if switches["unknown_field"] == "reject":
            for name in body:
                if name not in field_names:
                    self.add(name, "is not a known field")


def parse_json(raw: bytes) -> Any:
    """The JSON in a body. Raises ValueError for values that JSON cannot hold in an answer: NaN, 1e400,
    endless nesting.
    """
    try:
        parsed = json.loads(raw, parse_constant=_no_number, parse_float=_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [parsed]
    for _ in range(DEEPEST):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return parsed
    raise ValueError("nested too deeply")


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def parse_moment(value: Any) -> float | None:
    """Seconds since the epoch, or None if it is not an ISO 8601 date-time with a zone."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return min(datetime.fromisoformat(value.upper()).astimezone(UTC).timestamp(), LAST_SECOND)
    except (ValueError, OverflowError):
        return None
