"""The error summary of a form: each problem with the control it belongs to."""

from django import forms

Problems = list[tuple[str, str]]


def problems_of(form: forms.BaseForm) -> Problems:
    """The id of the control and the sentence of each problem, in the order of the page."""
    return [(f"id_{name}", str(message)) for name in form.fields for message in form.errors.get(name, [])]
