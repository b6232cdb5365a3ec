"""How a list is sorted and how far it was read, from its address. Unreadable parts count as missing."""

from collections.abc import Mapping
from typing import Any

from django import forms

from opportunities.forms.selection import TextParameter
from opportunities.listing import SORTS, Reading, Sorting

DEEPEST = 10_000_000


class ReadingForm(forms.Form):
    sort = TextParameter()
    after = TextParameter()
    shown = TextParameter()

    @property
    def reading(self) -> Reading:
        self.full_clean()
        data = self.cleaned_data
        column, down = data["sort"].removeprefix("-"), data["sort"].startswith("-")
        sorting = Sorting(column, down) if column in SORTS else Sorting()
        shown_count = int(data["shown"]) if data["shown"].isascii() and data["shown"].isdigit() else 0
        return Reading(sorting, data["after"], min(shown_count, DEEPEST))


def reading_of(data: Mapping[str, Any]) -> Reading:
    return ReadingForm(data).reading
