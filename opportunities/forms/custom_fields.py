"""Slant's custom fields in the form of a deal: the control of each type, and how its text is read."""

import math
import re
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from opportunities.deal_fields import DealField, ValueType
from opportunities.forms.days import parse_day
from opportunities.forms.rows import Affixed, Select, Text
from opportunities.wording import fields as words

LONGEST = 1000
NOT_SET = ("", "Not set")
YES_AND_NO = (("true", "Yes"), ("false", "No"))


def control_of(field: DealField) -> Text:
    """The form field of a custom field. It takes any text; `read_value` says what the text means."""
    return Text(label=field.label, widget=_widget(field), optional=True)


def read_value(field: DealField, text: str, *, today: date) -> Any:
    """The value a person typed; None for nothing. Raises `ValidationError` with words for the person."""
    if not text:
        return None
    match field.type:
        case ValueType.NUMBER:
            return _number(text)
        case ValueType.DAY:
            return parse_day(text, today=today).isoformat()
        case ValueType.BOOLEAN:
            return _one_of(text, ["true", "false"]) == "true"
        case ValueType.CHOICE:
            return _one_of(text, field.choices)
        case _:
            if len(text) > LONGEST:
                raise ValidationError(words.TEXT_TOO_LONG.format(most=LONGEST, length=len(text)))
            return text


def seen_value(field: DealField, text: str) -> Any:
    """The value that was shown as `text`. A text that is not of the field's type stays a text."""
    if field.type is ValueType.BOOLEAN and text in ("true", "false"):
        return text == "true"
    if field.type is ValueType.NUMBER:
        try:
            return _number(text)
        except ValidationError:
            pass
    return text or None


def _widget(field: DealField) -> forms.Widget:
    match field.type:
        case ValueType.NUMBER:
            return Affixed()
        case ValueType.DAY:
            return forms.DateInput({"class": "form-control", "type": "date", "autocomplete": "off"})
        case ValueType.BOOLEAN | ValueType.CHOICE:
            select = Select()
            options = (
                YES_AND_NO
                if field.type is ValueType.BOOLEAN
                else [(choice, choice) for choice in field.choices]
            )
            select.choices = [NOT_SET, *options]
            return select
        case _:
            return forms.TextInput({"class": "form-control", "autocomplete": "off"})


def _number(text: str) -> int | float:
    plain = text.replace(",", "")
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", plain):
        raise ValidationError(words.NUMBER_UNREADABLE)
    value = float(plain)
    return int(value) if math.isfinite(value) and value.is_integer() else value


def _one_of(text: str, choices: Any) -> str:
    if text not in choices:
        raise ValidationError(words.CHOICE_UNKNOWN)
    return text
