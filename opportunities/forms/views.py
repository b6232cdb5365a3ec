"""Saved views: a selection somebody named."""

from uuid import UUID

from django import forms

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
        return next((str(said) for all_said in self.errors.values() for said in all_said), "")


class ViewForm(forms.Form):
    """What somebody does with one of their views: `delete` is all there is."""

    id = forms.UUIDField()

    @property
    def chosen(self) -> UUID | None:
        return self.cleaned_data["id"] if self.is_valid() else None
