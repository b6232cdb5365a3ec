"""How a file is asked for, beside its filters. What cannot be read counts as missing."""

from collections.abc import Mapping
from typing import Any

from django import forms

from opportunities.exports import About
from opportunities.forms.selection import TextParameter


class FileForm(forms.Form):
    """`about`: the lines of the heading, above the table or alone. `table`: the id of a report's table."""

    about = TextParameter()
    table = TextParameter()

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.full_clean()
        asked = self.cleaned_data["about"]
        self.wanted_about = About(asked) if asked in set(About) else About.NO
        self.wanted_table: str = self.cleaned_data["table"]
