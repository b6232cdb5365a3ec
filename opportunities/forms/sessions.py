"""Which of one's sessions are to end."""

from django import forms


class EndSessionForm(forms.Form):
    """One session, or all `others` than this browser's."""

    session = forms.UUIDField(required=False)
    others = forms.BooleanField(required=False)
