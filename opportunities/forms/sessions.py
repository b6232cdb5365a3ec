"""Which sessions to end."""

from django import forms

from opportunities.models import Person


class EndSessionForm(forms.Form):
    """One session, or all `others` than this browser's."""

    session = forms.UUIDField(required=False)
    others = forms.BooleanField(required=False)


class LeaverForm(forms.Form):
    """The person whose sessions all end."""

    person = forms.ModelChoiceField(Person.objects.all())
