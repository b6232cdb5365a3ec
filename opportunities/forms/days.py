"""Reading a calendar day that a person typed or chose."""

import re
from datetime import date, timedelta

from django.core.exceptions import ValidationError

from opportunities.wording import fields as fields_words

EXAMPLE_AHEAD = timedelta(days=60)


def parse_day(text: str, *, today: date) -> date:
    """`YYYY-MM-DD` as a date. Raises `ValidationError` with an example some weeks after `today`."""
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            raise ValueError("not a calendar day")
        return date.fromisoformat(text)
    except ValueError as error:
        example = (today + EXAMPLE_AHEAD).isoformat()
        raise ValidationError(fields_words.DATE_UNREADABLE.format(example=example)) from error
