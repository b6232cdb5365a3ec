"""Reading single values out of a body: each check answers the value or adds a sentence at its field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opportunities.sandbox.answers import invalid
from opportunities.sandbox.store import Row, stamp

NAME_MAX = 255  # Slant API 10.20
VALUE_MAX = 2_000_000_000  # whole US dollars, Slant API 1 and 10.20

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


@dataclass
class Problems:
    """Sentences by field; `stop()` raises them as one refusal."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, sentence: str) -> None:
        self.found.setdefault(name, []).append(sentence)

    def stop(self) -> None:
        if self.found:
            raise invalid(self.found)

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
        """An ISO 8601 date-time with zone, kept as UTC; with `after` it must lie in the future of that moment."""
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

    def unknown(self, body: Row, known: frozenset[str], switches: dict[str, str]) -> None:
        """Fields no page lists: ignored or refused, Slant API 10.16."""
        if switches["unknown_field"] == "reject":
            for name in body:
                if name not in known:
                    self.add(name, "is not a known field")


def parse_moment(value: Any) -> float | None:
    """Seconds since the epoch, or None if it is not an ISO 8601 date-time with a zone."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return None
