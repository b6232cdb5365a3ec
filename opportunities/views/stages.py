"""The meanings of Slant's stages."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from opportunities.access import Action
from opportunities.clock import SystemClock
from opportunities.forms.stages import StageForm
from opportunities.mirror import meanings
from opportunities.models import Meaning
from opportunities.selectors.stages import stage_settings
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.wording import stages as words


@require_http_methods(["GET", "HEAD", "POST"])
def stages(request: PageRequest) -> HttpResponse:
    """For managers: what each stage means, and after how many days in it a deal is stale."""
    person = request.person
    require(person, Action.OVERSEE)
    form = StageForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _decide(request, form)
    context = {
        "pipelines": stage_settings(person),
        "meanings": Meaning.choices,
        "default_limit": settings.STALE_AFTER_DAYS,
        "problems": form.problems(),
        "typed": form.data,
    }
    return render(request, "opportunities/stages.html", context, status=422 if form.is_bound else 200)


def _decide(request: PageRequest, form: StageForm) -> HttpResponse:
    stage, meaning = form.cleaned_data["stage"], form.cleaned_data["meaning"]
    limit: int | None = form.cleaned_data["stale_after_days"]
    changed = meanings.decide(
        stage=stage, meaning=meaning, stale_after_days=limit, by=actor_of(request), clock=SystemClock()
    )
    counts = words.MEANINGS[meaning or meanings.suggest_meaning(stage)].lower()
    sentence = words.STAGE_SET if changed else words.STAGE_SAME
    text = sentence.format(name=stage.name, meaning=counts, days=limit or settings.STALE_AFTER_DAYS)
    messages.success(request, text)
    return see_other(reverse("opportunities:stages"))
