from django import forms

THEMES = ("auto", "light", "dark")
SHORTCUTS = [("on", "On"), ("off", "Off")]


class PreferencesForm(forms.Form):
    """The preferences that the person's menu sends. None: that choice is unchanged."""

    theme = forms.ChoiceField(choices=[(name, name) for name in THEMES], required=False)
    shortcuts = forms.ChoiceField(choices=SHORTCUTS, required=False)

    def clean_theme(self) -> str | None:
        return self.cleaned_data["theme"] or None

    def clean_shortcuts(self) -> bool | None:
        chosen = self.cleaned_data["shortcuts"]
        return chosen == "on" if chosen else None
