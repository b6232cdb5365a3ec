"""The link of a person to a Slant member, set by a manager."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from opportunities.forms.problems import Problems
from opportunities.models import Person
from opportunities.wording import people as people_words


class LinkForm(forms.Form):
    """One row of the page: a person and their Slant member. No member means: decide by their e-mail."""

    person = forms.ModelChoiceField(
        Person.objects.all(), error_messages={"invalid_choice": people_words.PERSON_UNKNOWN}
    )
    member_id = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": people_words.MEMBER_UNKNOWN}
    )

    def __init__(self, data: Mapping[str, Any] | None, *, member_ids: Iterable[str]) -> None:
        super().__init__(data)
        self.fields["member_id"].choices = [("", ""), *((id, id) for id in member_ids)]  # type: ignore[attr-defined]  # a ChoiceField

    def problems(self) -> Problems:
        """The first problem, with the id of its table."""
        problems = [("people", str(message)) for messages in self.errors.values() for message in messages]
        return problems[:1]
