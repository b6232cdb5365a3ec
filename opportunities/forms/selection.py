"""Reads the filters of an address (`?pipeline=&book=&owner=&q=...`) as a `Selection`.

An unreadable filter is left out, and a sentence says so. It never makes a page fail.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from django import forms
from django.http import QueryDict

from opportunities.forms.money import parse_money
from opportunities.selection import BOARD, LIST, MISSING, OVERDUE, WINDOWS, Selection, close_days
from opportunities.wording import board as wording

LONGEST = 200
# Parameters of an address that do not select deals.
PASSING = ("moved",)
MOST_IDS = 500
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class TextParameter(forms.Field):
    """Text without control characters. A longer text than any id or name is cut."""

    widget: type[forms.Widget] = forms.TextInput

    def __init__(self, *, longest: int = LONGEST) -> None:
        super().__init__(required=False)
        self.longest = longest

    def to_python(self, value: Any) -> str:
        return CONTROL.sub("", str(value or "")).strip()[: self.longest]


class IdsParameter(TextParameter):
    """A parameter that may come several times."""

    widget: type[forms.Widget] = forms.MultipleHiddenInput

    def clean(self, value: Any) -> tuple[str, ...]:
        return tuple(dict.fromkeys(id for typed in value or [] if (id := self.to_python(typed))))


class MoneyParameter(TextParameter):
    """An amount as people type it; whole US dollars or None."""

    def clean(self, value: Any) -> int | None:
        text = self.to_python(value)
        if not text:
            return None
        try:
            return parse_money(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class ChoiceParameter(TextParameter):
    """One of `choices`, or nothing."""

    def __init__(self, choices: tuple[str, ...], problem: str) -> None:
        super().__init__()
        self.known, self.problem = choices, problem

    def clean(self, value: Any) -> str:
        text = self.to_python(value)
        if text and text not in self.known:
            raise forms.ValidationError(self.problem)
        return text


class SelectionForm(forms.Form):
    """The filters of an address. `problems` has a sentence for each that could not be read."""

    pipeline = TextParameter()
    stage = IdsParameter()
    book = TextParameter()
    owner = TextParameter()
    q = TextParameter()
    household = TextParameter()
    min = MoneyParameter()
    max = MoneyParameter()
    close = TextParameter()
    stale = ChoiceParameter(("1", "0", "yes", "no"), wording.STALE_UNKNOWN)
    missing = ChoiceParameter(MISSING, wording.MISSING_UNKNOWN)
    ids = IdsParameter()
    view = ChoiceParameter((BOARD, LIST), wording.VIEW_UNKNOWN)

    def clean_stale(self) -> bool:
        return self.cleaned_data["stale"] in ("1", "yes")

    def clean_view(self) -> str:
        return self.cleaned_data["view"] or BOARD

    def clean_close(self) -> str:
        close = str(self.cleaned_data["close"])
        if close and close != OVERDUE and close not in WINDOWS:
            try:
                close_days(close, date(2000, 1, 1), year_starts=1)
            except ValueError as error:
                raise forms.ValidationError(wording.CLOSE_UNREADABLE) from error
        return close

    def clean_ids(self) -> tuple[str, ...]:
        ids: tuple[str, ...] = self.cleaned_data["ids"]
        if len(ids) > MOST_IDS:
            raise forms.ValidationError(wording.TOO_MANY_IDS.format(most=MOST_IDS))
        return ids

    def clean(self) -> dict[str, Any]:
        least, most = self.cleaned_data.get("min"), self.cleaned_data.get("max")
        if least is not None and most is not None and least > most:
            self.add_error("max", wording.MAX_BELOW_MIN)
        return self.cleaned_data

    @property
    def narrows(self) -> bool:
        """Whether the address selects deals, or says how to show them."""
        return bool(set(self.data) - set(PASSING))

    @property
    def cleared(self) -> str:
        """The name of the filter to remove, or `all`."""
        return str(self.data.get("clear", ""))

    def typed_query(self) -> str:
        """The typed values as a query string, with the wrong ones, for the page that shows the problems."""
        data, query = cast(QueryDict, self.data), QueryDict(mutable=True)
        for name in self.fields:
            if data.get(name):
                query.setlist(name, data.getlist(name))
        return query.urlencode()

    @property
    def selection(self) -> Selection:
        self.full_clean()
        return Selection(**self.cleaned_data)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Field and sentence, in the order of the fields."""
        return [(name, str(message)) for name in self.fields for message in self.errors.get(name, [])]


class WindowForm(forms.Form):
    """Which cards of a column to return: those after a given card, or as many as the page already has."""

    # A moment in microseconds before the id.
    after = TextParameter(longest=LONGEST + 20)
    shown = forms.IntegerField(required=False, min_value=0, max_value=999)

    @property
    def window(self) -> tuple[str, int | None]:
        """`after` and `shown`; without those that cannot be read."""
        self.full_clean()
        return self.cleaned_data["after"], self.cleaned_data.get("shown")


def selection_of(data: Mapping[str, Any] | str) -> Selection:
    """The selection of an address, a posted form or a saved query string, without unreadable parts."""
    return SelectionForm(QueryDict(data) if isinstance(data, str) else data).selection
