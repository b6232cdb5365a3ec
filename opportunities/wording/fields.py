"""A field's value in words, and the messages for values that a form refuses (`deal_fields.py`)."""

from datetime import date
from typing import Any

from opportunities.deal_fields import (
    CUSTOM_PREFIX,
    UNREADABLE,
    DealField,
    ValueType,
    is_unreadable,
    type_of,
)
from opportunities.wording import formats

BOOK_MISSING = "Choose the book this deal belongs to."
BOOK_UNKNOWN = "Choose one of your books. The one sent with the form is not among them."
BOOK_READ_ONLY = "You can only read {book}. Choose a book you work in."
NAME_MISSING = "Give the deal a name your colleagues will recognise."
NAME_TOO_LONG = "Shorten the name to 255 characters. It has {length} now."
NAME_UNPRINTABLE = "Type the name again: it contains a character that cannot be shown."
VALUE_NOT_A_NUMBER = "Enter whole dollars, like 640,000, 640k or 1.2m."
VALUE_NOT_WHOLE = "Enter whole dollars, without cents."
VALUE_NEGATIVE = "Enter 0 or more, or leave the value empty until you know it."
VALUE_TOO_LARGE = "Enter at most $2,000,000,000. Slant does not accept more for one deal."
PROBABILITY_OUT_OF_RANGE = "Enter a whole number from 0 to 100."
DATE_UNREADABLE = "Choose a date, or type it as year-month-day, like {example}."
DATE_NOT_AHEAD = "Choose a date after today, {today}."
NO_WAY_TO_A_PIPELINE = (
    "Choose a pipeline, or choose a household or a kind of pipeline so that Slant can choose one."
)
PIPELINE_UNKNOWN = "Choose one of the pipelines listed. The one sent with the form is not among them."
PIPELINE_OF_ANOTHER_BOOK = "{pipeline} belongs to another book. Choose a pipeline of {book}."
PIPELINE_TYPE_UNKNOWN = "Choose prospects or clients."
STAGE_UNKNOWN = "Choose one of the stages listed. The one sent with the form is not among them."
STAGE_OF_ANOTHER_PIPELINE = "The stage {stage} does not belong to {pipeline}. Choose one of its stages."
STAGE_WITHOUT_PIPELINE = "A stage needs its pipeline. Choose the pipeline, or let Slant choose both."
HOUSEHOLD_UNKNOWN = "Choose a household from the list. The one sent with the form is not in your books."
HOUSEHOLD_NOT_PICKED = "Choose a household from the list, or clear what you typed there."
HOUSEHOLD_OF_ANOTHER_BOOK = "{household} is a household of another book. Choose one of {book}."
HOUSEHOLD_OF_WRONG_KIND = "{pipeline} takes only {kinds}, and {household} is a {kind}. Change one of the two."
OWNER_MISSING = "Choose who owns this deal: someone who works in the book."
OWNER_READS_ONLY = "{owner} only reads this book. Choose someone who works in it."
OWNER_UNKNOWN = "Choose one of the people listed. The one sent with the form does not work in this book."


def show_value(name: str, value: Any) -> str:
    """The value of the field `name` in words; empty for None, and unchanged if its type is wrong."""
    if value is None:
        return ""
    if is_unreadable(value):
        return f"cannot be read ({value[UNREADABLE]})"
    if name.startswith(CUSTOM_PREFIX):
        return show_custom_value(DealField(name, ""), value)
    match type_of(name):
        case ValueType.DOLLARS if isinstance(value, int):
            return formats.money(value)
        case ValueType.PERCENT:
            return f"{value}%"
        case ValueType.DAY:
            return show_day(value)
        case _:
            return str(value)


def show_custom_value(field: DealField, value: Any) -> str:
    """Any JSON value in words; a value of another type than the field's is shown unchanged (Slant API
    7.11).
    """
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(filter(None, (show_custom_value(field, item) for item in value)))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {show_custom_value(field, item)}" for key, item in value.items())
    return show_day(value) if field.type is ValueType.DAY else str(value)


def show_day(value: Any) -> str:
    """A day or a moment in ISO 8601 as a calendar day in words."""
    try:
        return formats.long_day(date.fromisoformat(str(value)[:10]))
    except ValueError:
        return str(value)


# Custom fields
NUMBER_UNREADABLE = "Enter a number, like 12 or 12.5."
CHOICE_UNKNOWN = "Choose one of the values listed. The one sent with the form is not among them."
TEXT_TOO_LONG = "Shorten this to {most} characters. It has {length} now."
