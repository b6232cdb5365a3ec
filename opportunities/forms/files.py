"""The parameters of a file besides its filters. An unreadable one counts as missing."""

from collections.abc import Mapping
from typing import Any

from django import forms

from opportunities.exports import About
from opportunities.forms.selection import TextParameter


class FileForm(forms.Form):
    """`about`: the heading's lines, above the table or without it. `table`: the id of a report's table."""

    about = TextParameter()
    table = TextParameter()

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.full_clean()
        about = self.cleaned_data["about"]
        self.wanted_about = About(about) if about in set(About) else About.NO
        self.wanted_table: str = self.cleaned_data["table"]
