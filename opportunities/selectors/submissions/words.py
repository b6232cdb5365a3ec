"""A field's value as people say it, and what was sent as they would type it."""

import json
from datetime import date
from typing import Any

from opportunities.deal_fields import LABELS
from opportunities.models import Submission
from opportunities.wording import formats


def said(name: str, value: Any) -> str:
    """A field's value as people say it."""
    if value is None:
        return ""
    if name == "value" and isinstance(value, int):
        return formats.money(value)
    if name == "probability":
        return f"{value}%"
    if name == "target_close_date":
        try:
            return formats.long_day(date.fromisoformat(str(value)[:10]))
        except ValueError:
            return str(value)
    return str(value)


def typed_again(row: Submission) -> dict[str, str]:
    """What was sent, as it would be typed."""
    sent = json.loads(row.body)
    typed = {name: str(value) for name, value in sent.items() if name in LABELS}
    if isinstance(sent.get("value"), int):
        typed["value"] = f"{sent['value']:,}"
    if typed.get("target_close_date"):
        typed["target_close_date"] = typed["target_close_date"][:10]
    return {"pipeline_id": "", "book_id": row.book_id} | typed
