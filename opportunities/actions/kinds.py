"""What can be asked of Slant: create, edit, move. Each kind is one small class; nothing else asks `if kind ==`."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from opportunities.models import Kind


@dataclass(frozen=True)
class NewDeal:
    """The fields of a create in the API's own names (Slant API 7.5). Empty string or None = not sent.

    `value` is whole US dollars, `probability` 0-100, `target_close_date` a UTC calendar day.
    """

    book_id: str
    name: str
    value: int | None = None
    probability: int | None = None
    target_close_date: date | None = None
    pipeline_type: str = ""
    pipeline_id: str = ""
    pipeline_stage_id: str = ""
    household_id: str = ""
    assigned_to_id: str = ""
