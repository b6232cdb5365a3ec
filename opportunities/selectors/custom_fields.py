"""Slant's custom fields as people read them: display names, and values by their type. Read only (Slant API
7.11).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from opportunities.mirror.definitions import known, listed
from opportunities.models import Opportunity
from opportunities.wording import formats


def described(row: Opportunity) -> Iterator[tuple[str, str]]:
    """Display name and value of each custom field `row` has: in Slant's order, those without a definition
    last.

    `row` comes with `definitions` (`opportunity.page.reachable`), else they cost a query where there is any
    field.
    """
    values: dict[str, Any] = dict(row.custom_fields)
    if not values:
        return
    for key, name, kind in listed(row.definitions) if hasattr(row, "definitions") else known():
        if key in values:
            yield name or plain_name(key), text_of(values.pop(key), kind)
    for key, value in values.items():
        yield plain_name(key), text_of(value)


def plain_name(key: str) -> str:
    """What a field without a known definition is called: `lead_source` reads `Lead source`."""
    return key.replace("_", " ").strip().capitalize() or key


def text_of(value: Any, kind: str = "") -> str:
    """Any JSON value as words; a kind we do not know is shown as it is (Slant API 7.11)."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(filter(None, map(text_of, value)))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {text_of(each)}" for key, each in value.items())
    if kind == "date":
        try:
            return formats.long_day(date.fromisoformat(str(value)[:10]))
        except ValueError:
            pass
    return str(value)
