"""What was typed into the form of a deal, before anything is checked."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from opportunities.deal_fields import LABELS

FIELDS = tuple(LABELS)
CARRIED = (*FIELDS, "q", "name_suggested")
LONGEST = 1000
UNSTORABLE = ("Cc", "Cs")


def storable(text: Any) -> str:
    """`text` without the characters that databases refuse."""
    return "".join(letter for letter in str(text) if unicodedata.category(letter) not in UNSTORABLE)


def typed_values(data: Mapping[str, Any]) -> dict[str, str]:
    """What was typed, by field: only known names, and only characters that databases accept."""
    return {name: storable(str(data[name])[:LONGEST]) for name in CARRIED if name in data}
