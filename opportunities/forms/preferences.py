from django import forms

from opportunities.models import Person

SHORTCUTS = [("on", "On"), ("off", "Off")]


class PreferencesForm(forms.Form):
    """What the menu of the person sends: one of the two, never both."""

    theme = forms.ChoiceField(choices=[(name, name) for name in ("auto", "light", "dark")], required=False)
    shortcuts = forms.ChoiceField(choices=SHORTCUTS, required=False)

    def apply(self, person: Person) -> None:
        if theme := self.cleaned_data["theme"]:
            person.theme = theme
        if shortcuts := self.cleaned_data["shortcuts"]:
            person.shortcuts = shortcuts == "on"
        person.save(update_fields=["theme", "shortcuts"])
