"""Who may come in, and who they are in Slant."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from opportunities.access import Action
from opportunities.actions import people as actions
from opportunities.clock import SystemClock
from opportunities.forms.people import LinkForm
from opportunities.selectors.people import everybody, members
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.wording import people as people_words


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: PageRequest) -> HttpResponse:
    """For managers: everybody who ever signed in, and which Slant member each is."""
    require(request.person, Action.OVERSEE)
    candidates = members()
    member_ids = [member.id for member in candidates]
    form = LinkForm(request.POST if request.method == "POST" else None, member_ids=member_ids)
    if form.is_valid():
        person, member_id = form.cleaned_data["person"], form.cleaned_data["member_id"]
        actions.link(person=person, member_id=member_id, by=actor_of(request), clock=SystemClock())
        words = people_words.PERSON_LINKED if member_id else people_words.PERSON_BY_EMAIL
        messages.success(request, words.format(name=person.display))
        return see_other(reverse("opportunities:people"))
    everyone = everybody(candidates, timezone.now())
    context = {"people": everyone, "candidates": candidates, "problems": form.problems()}
    return render(request, "opportunities/people.html", context, status=422 if form.is_bound else 200)
