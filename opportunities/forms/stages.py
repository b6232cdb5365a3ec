"""The meaning of a stage, set by a manager."""

from django import forms

from opportunities.forms.problems import Problems
from opportunities.models import Meaning, Stage
from opportunities.wording import stages as words


class StageForm(forms.Form):
    """One row of the page. No meaning: the one its name suggests. No limit: the one of the settings."""

    stage = forms.ModelChoiceField(
        Stage.objects.filter(gone_at=None), error_messages={"invalid_choice": words.STAGE_UNKNOWN}
    )
    meaning = forms.ChoiceField(
        choices=[("", ""), *Meaning.choices],
        required=False,
        error_messages={"invalid_choice": words.MEANING_UNKNOWN},
    )
    stale_after_days = forms.IntegerField(
        min_value=1,
        max_value=3650,
        required=False,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), words.LIMIT_WRONG),
    )

    def clean_meaning(self) -> Meaning | None:
        meaning: str = self.cleaned_data["meaning"]
        return Meaning(meaning) if meaning else None

    def problems(self) -> Problems:
        """The first problem, with the id of the control in the row of its stage."""
        for field, errors in self.errors.items():
            control = "limit" if field == "stale_after_days" else "stage"
            return [(f"{control}-{self.data.get('stage', '')}", str(errors[0]))]
        return []
