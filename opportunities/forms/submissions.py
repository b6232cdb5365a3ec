from dataclasses import dataclass

from django import forms

CHOICES = [
    ("", "All"),
    ("open", "Not settled"),
    ("created", "In Slant"),
    ("refused", "Refused"),
    ("withdrawn", "Withdrawn"),
]


@dataclass(frozen=True)
class FilterLink:
    value: str
    label: str
    current: bool


class SubmissionFilterForm(forms.Form):
    """Which of one's submissions to list; anything unknown lists them all."""

    state = forms.ChoiceField(choices=CHOICES, required=False)
    before = forms.UUIDField(required=False)

    @property
    def chosen(self) -> str:
        return str(self.cleaned_data.get("state") or "")

    @property
    def before_id(self) -> str:
        return str(self.cleaned_data.get("before") or "")

    def links(self) -> list[FilterLink]:
        return [FilterLink(value, label, value == self.chosen) for value, label in CHOICES]
