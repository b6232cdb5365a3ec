"""A move to another stage: by dragging, from the menu, or from the page without scripts."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from opportunities.offer import StageChoice
from opportunities.wording import board as board_words
from opportunities.wording import fields as fields_words

LONGEST_REASON = 500
# Fields that people see and can correct. Errors of the other fields are shown at the stage.
SHOWN = ("pipeline_stage_id", "probability", "lost_reason")


class LostReasonField(forms.CharField):
    """The lost reason. A text longer than what is stored is an error, and never cut."""

    def __init__(self) -> None:
        too_long = board_words.REASON_TOO_LONG.format(most=LONGEST_REASON)
        super().__init__(required=False, max_length=LONGEST_REASON, error_messages={"max_length": too_long})


class MoveForm(forms.Form):
    """`stages` are those of the deal's pipeline; `at` is the stage the deal is in, or is being moved to."""

    pipeline_stage_id = forms.CharField(error_messages={"required": board_words.STAGE_MISSING})
    seen_pipeline_stage_id = forms.CharField(error_messages={"required": board_words.SEEN_MISSING})
    probability = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), fields_words.PROBABILITY_OUT_OF_RANGE
        ),
    )
    seen_probability = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=100,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), board_words.SEEN_MISSING),
    )
    lost_reason = LostReasonField()
    form_token = forms.CharField(required=False)
    row = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=32_000,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), board_words.SEEN_MISSING),
    )
    confirm_overwrite = forms.CharField(required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        initial: Mapping[str, Any] | None = None,
        stages: Sequence[StageChoice],
        at: str,
    ) -> None:
        super().__init__(data)
        self.typed_values = (data or initial) or {}
        self.stages, self.at = {stage.id: stage for stage in stages}, at

    def clean_pipeline_stage_id(self) -> str:
        id = str(self.cleaned_data["pipeline_stage_id"])
        if id not in self.stages:
            raise forms.ValidationError(board_words.STAGE_NOT_HERE)
        return id

    def clean_row(self) -> int:
        return self.cleaned_data["row"] or 0

    def full_clean(self) -> None:
        super().full_clean()
        for hidden in [name for name in self.errors if name not in SHOWN]:
            for message in self.errors.pop(hidden):
                if message not in self.errors.get("pipeline_stage_id", []):
                    self.add_error("pipeline_stage_id", message)

    def clean(self) -> dict[str, Any]:
        fields = self.cleaned_data
        stage = self.stages.get(fields.get("pipeline_stage_id", ""))
        if stage is None or fields.get("seen_pipeline_stage_id") is None:
            return fields
        if stage.id == fields["seen_pipeline_stage_id"] == self.at:
            self.add_error("pipeline_stage_id", board_words.ALREADY_THERE.format(stage=stage.name))
        elif stage.meaning == "lost" and not fields.get("lost_reason") and "lost_reason" not in self.errors:
            self.add_error("lost_reason", board_words.REASON_MISSING)
        if stage.meaning != "lost":
            fields["lost_reason"] = ""
        return fields

    def typed(self, name: str) -> str:
        """The text that was typed or given in the address, unchecked, for a form that is drawn again."""
        return str(self.typed_values.get(name, ""))

    @property
    def undoes(self) -> bool:
        """Whether it undoes the person's own move that `undo` names, instead of making a move."""
        return "undo" in self.data

    @property
    def seen_stage(self) -> str:
        return str(self.data.get("seen_pipeline_stage_id", ""))

    def typed_seen_probability(self, now: int | None) -> Any:
        """The text of the seen probability as the form sent it; `now` for a form that was not sent."""
        return self.data.get("seen_probability", now)

    def probability_seen(self, now: int | None) -> int | None:
        """The seen probability of the form; `now` if the form does not have it."""
        return self.cleaned_data["seen_probability"] if "seen_probability" in self.data else now

    @property
    def wants_reason(self) -> bool:
        """Whether the lost reason is the only thing missing."""
        return set(self.errors) == {"lost_reason"}

    @property
    def stage(self) -> StageChoice:
        return self.stages[self.cleaned_data["pipeline_stage_id"]]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Field and sentence, in the order of the page."""
        return [(name, str(message)) for name in SHOWN for message in self.errors.get(name, [])]
