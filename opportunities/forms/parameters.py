"""Small forms for what steers a page: parameters of an address, and buttons beside the fields of a form.

No value makes them fail. What is missing, too long or unreadable counts as empty.
"""

from collections.abc import Mapping
from typing import Any

from django import forms

from opportunities.forms.selection import TextParameter

LONGEST_ADDRESS = 4000


class AddressParameter(forms.Field):
    """An address exactly as it was sent. Characters that make it no address of ours must stay visible."""

    def __init__(self) -> None:
        super().__init__(required=False)

    def to_python(self, value: str | None) -> str:
        return value or ""


class ParameterForm(forms.Form):
    """A form whose parameters are read with `text()`. Nobody needs to validate it first."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)

    def text(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))


class NextPageForm(ParameterForm):
    """Where to go afterwards. Whoever redirects there checks that the address is one of ours."""

    next = AddressParameter()


class LogoutForm(ParameterForm):
    """What the sign-on provider sends when a session is over. Whoever reads it checks the token."""

    logout_token = AddressParameter()


class NewsForm(ParameterForm):
    """Which version of itself a page shows already."""

    seen = TextParameter()


class MovedForm(ParameterForm):
    """Which move was made just before this page, where scripts do not say it."""

    moved = TextParameter()


class BoardChangesForm(ParameterForm):
    """Since which token an open board asks for changes. With `fresh` it takes the head even without any."""

    since = TextParameter(longest=LONGEST_ADDRESS)

    @property
    def wants_head(self) -> bool:
        return "fresh" in self.data


class RedrawForm(ParameterForm):
    """Whether a form is only to be drawn again with what was typed, and which of its buttons asked for it."""

    redraw = TextParameter()

    @property
    def is_redraw(self) -> bool:
        return "redraw" in self.data


class CreateButtonsForm(RedrawForm):
    """How a form for a new opportunity is sent, beside its fields."""

    after = TextParameter()
    confirm_duplicate = TextParameter()
    supersedes = TextParameter()

    @property
    def starts_over(self) -> bool:
        return self.text("redraw") == "empty"

    @property
    def creates_duplicate(self) -> bool:
        return self.text("confirm_duplicate") == "yes"

    @property
    def opens_similar(self) -> bool:
        """The duplicate question was answered: it is the same deal."""
        return self.text("confirm_duplicate") == "same"


class EditButtonsForm(RedrawForm):
    """How the form of a deal is sent, beside its fields."""

    supersedes = TextParameter()

    @property
    def redraws_household(self) -> bool:
        return self.text("redraw") == "household"


class CorrectionForm(ParameterForm):
    """Which submission a form starts from: `?from=<uuid>`."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        # `from` is a keyword of Python.
        self.fields["from"] = TextParameter()

    @property
    def is_asked(self) -> bool:
        return "from" in self.data

    @property
    def submission_id(self) -> str:
        return self.text("from")


class ChangedFieldsForm(ParameterForm):
    """Which fields of a form somebody changed since it was drawn, by name, with spaces between."""

    changed = TextParameter()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.text("changed").split())


class BulkResultForm(ParameterForm):
    """Which bulk action is asked about, and which version of its page was `seen`."""

    sent = TextParameter()
    seen = TextParameter()

    @property
    def is_asked(self) -> bool:
        return "sent" in self.data
