"""Saved views: a selection somebody named."""

from uuid import UUID

from django import forms

from opportunities.forms.selection import selection_of
from opportunities.selection import Selection
from opportunities.wording import board as board_words


class SaveViewForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        error_messages={
            "required": board_words.VIEW_NAME_MISSING,
            "max_length": board_words.VIEW_NAME_TOO_LONG,
        },
    )
    query = forms.CharField(required=False, max_length=4000)

    @property
    def problem(self) -> str:
        return next((str(message) for all_said in self.errors.values() for message in all_said), "")

    @property
    def typed_name(self) -> str:
        return str(self.data.get("name", ""))

    @property
    def selection(self) -> Selection:
        """The filters to save, without unreadable ones."""
        return selection_of(str(self.data.get("query", "")))


class DeleteViewForm(forms.Form):
    """The button that deletes a saved view, on the board page with the selection `query`."""

    delete = forms.UUIDField()

    @property
    def is_asked(self) -> bool:
        return "delete" in self.data

    @property
    def chosen(self) -> UUID | None:
        return self.cleaned_data["delete"] if self.is_valid() else None

    @property
    def selection(self) -> Selection:
        return selection_of(str(self.data.get("query", "")))
