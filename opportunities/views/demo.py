"""Pages that exist only in the demo: choosing who you are, and making Slant misbehave."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from opportunities.actions.people import Identity
from opportunities.demo.sandbox_control import BEHAVIOURS, NoSandbox, apply_behaviour, current_behaviour
from opportunities.models import Role
from opportunities.selectors.people import DEMO_ISSUER, Persona, name_of, personas
from opportunities.views import errors, limits
from opportunities.views.access_marks import open_to_all
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.sign_in import next_page, safe_next, start_session


class PersonaForm(forms.Form):
    """One of the buttons."""

    persona = forms.ChoiceField(error_messages={"invalid_choice": "Choose one of the people below."})

    def __init__(self, data: Mapping[str, Any] | None, *, offered: list[Persona]) -> None:
        super().__init__(data)
        self.offered = {persona.key: persona for persona in offered}
        self.fields["persona"].choices = [(key, key) for key in self.offered]  # type: ignore[attr-defined]  # a ChoiceField

    def identity(self) -> Identity:
        persona = self.offered[self.cleaned_data["persona"]]
        return Identity(DEMO_ISSUER, persona.email, persona.email, persona.name, (persona.role,))


class AnybodyForm(forms.Form):
    """Any e-mail in any group: for trying what somebody else would see."""

    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        error_messages={
            "required": "Type an e-mail address.",
            "invalid": "Type a whole e-mail address, like sam@example.com.",
        },
    )
    group = forms.ChoiceField(
        label="Group",
        choices=[*Role.choices, ("none", "None")],
        error_messages={"required": "Choose a group.", "invalid_choice": "Choose one of the groups."},
    )

    @property
    def is_sent(self) -> bool:
        """Whether this form was sent, and not a button with a persona."""
        return "email" in self.data and "persona" not in self.data

    def identity(self) -> Identity:
        email, group = self.cleaned_data["email"].lower(), self.cleaned_data["group"]
        return Identity(DEMO_ISSUER, email, email, name_of(email), () if group == "none" else (group,))


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
def demo_sign_in(request: PageRequest) -> HttpResponse:
    if not settings.DEMO:
        raise Http404
    if request.method == "POST" and (wait := limits.spend(request, limits.SIGN_IN)):
        return errors.too_often(request, wait)
    offered = personas()
    next_url = safe_next(request, next_page(request))
    person, anybody = PersonaForm(None, offered=offered), AnybodyForm(None)
    if request.method == "POST":
        typed = AnybodyForm(request.POST)
        if typed.is_sent:
            anybody = typed
        else:
            person = PersonaForm(request.POST, offered=offered)
    for form in (person, anybody):
        if form.is_valid():
            start_session(request, form.identity(), {})
            return see_other(next_url)
    status = 422 if request.method == "POST" else 200
    context = {"offered": offered, "next": next_url, "form": person, "anybody": anybody}
    return render(request, "opportunities/demo_sign_in.html", context, status=status)


class MisbehaveForm(forms.Form):
    mischief = forms.ChoiceField(choices=[(behaviour.key, behaviour.title) for behaviour in BEHAVIOURS])


@require_http_methods(["GET", "HEAD", "POST"])
def demo_misbehave(request: PageRequest) -> HttpResponse:
    """The switches of the sandbox. If SLANT_BASE_URL is not a sandbox of ours, the page only says so."""
    if not settings.DEMO:
        raise Http404
    form = MisbehaveForm(request.POST if request.method == "POST" else None)
    present = None
    try:
        if form.is_valid():
            apply_behaviour(form.cleaned_data["mischief"])
            return see_other(reverse("opportunities:demo_misbehave"))
        present = current_behaviour()
    except NoSandbox:
        pass
    status = 422 if request.method == "POST" else 200
    context = {"mischiefs": BEHAVIOURS, "present": present, "form": form}
    return render(request, "opportunities/misbehave.html", context, status=status)
