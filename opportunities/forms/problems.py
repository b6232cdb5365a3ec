"""The error summary of a form: what is wrong, each with the control it is about."""

from django import forms

Problems = list[tuple[str, str]]


def problems_of(form: forms.BaseForm) -> Problems:
    """The id to go to and the sentence, in the order of the page."""
    return [(f"id_{name}", str(message)) for name in form.fields for message in form.errors.get(name, [])]
