"""Small forms for values that only change what a page shows: parameters of an address, and buttons of a form.

No value makes them fail. A missing, too long or unreadable value counts as empty.
"""

from collections.abc import Mapping
from typing import Any

from django import forms

from opportunities.forms.selection import TextParameter

LONGEST_ADDRESS = 4000


class AddressParameter(forms.Field):
    """An address exactly as it was sent. Characters that show it is not ours must not be removed."""

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
    """The address to go to afterwards. The code that redirects checks that it is one of ours."""

    next = AddressParameter()


class LogoutForm(ParameterForm):
    """What the sign-on provider sends when a session has ended. The code that reads it checks the token."""

    logout_token = AddressParameter()


class NewsForm(ParameterForm):
    """The version of itself that a page already shows."""

    seen = TextParameter()


class MovedForm(ParameterForm):
    """The move that was made just before this page, for pages without scripts."""

    moved = TextParameter()


class BoardChangesForm(ParameterForm):
    """The token since which an open board wants changes. With `fresh` it gets the head even if there are
    none.
    """

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
    """The buttons and hidden fields of a form for a new opportunity."""

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
        """Whether the person answered the duplicate question with "the same deal"."""
        return self.text("confirm_duplicate") == "same"


class EditButtonsForm(RedrawForm):
    """The buttons and hidden fields of the form of a deal."""

    supersedes = TextParameter()

    @property
    def redraws_household(self) -> bool:
        return self.text("redraw") == "household"


class CorrectionForm(ParameterForm):
    """The submission that a form starts from: `?from=<uuid>`."""

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
    """The names of the fields that somebody changed since the form was drawn, separated by spaces."""

    changed = TextParameter()

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.text("changed").split())


class BulkResultForm(ParameterForm):
    """The bulk action to show, and the version of its page that was `seen`."""

    sent = TextParameter()
    seen = TextParameter()

    @property
    def is_asked(self) -> bool:
        return "sent" in self.data
