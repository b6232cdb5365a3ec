from django import forms

from opportunities.forms.problems import Problems
from opportunities.wording import review as review_words

DECISIONS = [("link", "Link"), ("resend", "Send again"), ("close", "Close")]


class IdsField(forms.Field):
    """Slant ids, one for each input with this name."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: list[str] | None) -> list[str]:
        return value or []


class ReasonField(forms.CharField):
    """A manager's reason: required, kept in the trail, drawn by `templates/forms/reason.html`."""

    def __init__(self, *, max_length: int) -> None:
        messages = {"required": review_words.REASON_MISSING, "max_length": review_words.REASON_TOO_LONG}
        super().__init__(max_length=max_length, label="Reason, kept in the trail", error_messages=messages)


class DecisionForm(forms.Form):
    """What a manager decides about a submission in review. `seen` are the candidates the page showed."""

    decision = forms.ChoiceField(
        choices=DECISIONS,
        error_messages=dict.fromkeys(("required", "invalid_choice"), review_words.DECISION_MISSING),
    )
    opportunity_id = forms.CharField(
        required=False, max_length=200, error_messages={"max_length": review_words.NOT_A_CANDIDATE}
    )
    seen = IdsField(required=False)
    reason = ReasonField(max_length=500)


class SendingForm(forms.Form):
    """The button that stops sending, and the button that releases one hold."""

    do = forms.RegexField(r"^(hold|release:[a-z_]{1,60})$")
    reason = ReasonField(max_length=300)

    def problems(self) -> Problems:
        """All problems, shown at the reason, because the buttons have no place for errors."""
        return [("id_reason", str(message)) for messages in self.errors.values() for message in messages]
