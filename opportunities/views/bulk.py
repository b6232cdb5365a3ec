"""Many deals changed at once: chosen in the list, submitted one by one, with a page of the results."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from opportunities.access import Action
from opportunities.actions import bulk as actions
from opportunities.actions import form_tokens
from opportunities.clock import SystemClock
from opportunities.forms.bulk import BulkForm
from opportunities.forms.parameters import BulkResultForm
from opportunities.forms.problems import problems_of
from opportunities.models import Person
from opportunities.selectors.bulk import PickedDeals, outcome, picked_deals
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.views.submit_guard import FormMessages, FormRejected, submit_guard
from opportunities.wording import board as board_words
from opportunities.wording import bulk as bulk_words
from opportunities.wording import shell as shell_words

CLOCK = SystemClock()
LIST = "view=list"
MESSAGES = FormMessages(
    shell_words.CANNOT_WRITE, bulk_words.TOO_OFTEN, bulk_words.NOT_YOURS, bulk_words.SENT_BEFORE
)


@require_http_methods(["GET", "HEAD", "POST"])
def bulk(request: PageRequest) -> HttpResponse:
    """POST: asks for a target of the chosen deals, or changes them to it. GET `?sent=`: the results."""
    person = request.person
    require(person, Action.CHANGE)
    if request.method == "POST":
        return _submit_bulk(request, person)
    form = BulkResultForm(request.GET)
    if not form.is_asked:
        return HttpResponseRedirect(f"{reverse('opportunities:board')}?{LIST}")
    return _show_result(request, person, form)


def _submit_bulk(request: PageRequest, person: Person) -> HttpResponse:
    form = BulkForm(request.POST)
    form.full_clean()
    picked = picked_deals(person, form.cleaned_data.get("id", ()))
    form = BulkForm(request.POST, pipelines=picked.pipelines, owners=picked.owners)
    form.full_clean()
    if form.is_asking and "id" not in form.errors:
        return _ask(request, form, picked, status=200)
    if not form.is_valid():
        return _ask(request, form, picked)
    try:
        with submit_guard(request, MESSAGES):
            key = actions.submit(
                order=form.bulk_request(),
                person=person,
                by=actor_of(request),
                clock=CLOCK,
                form_token=form.cleaned_data["form_token"],
            )
    except FormRejected as rejected:
        form.add_error("form_token", rejected.message)
        return rejected.add_retry_after(_ask(request, form, picked, status=rejected.status))
    return see_other(f"{reverse('opportunities:bulk')}?sent={key}")


def _ask(request: PageRequest, form: BulkForm, picked: PickedDeals, *, status: int = 422) -> HttpResponse:
    """Asks what to do with which deals. Errors stand at their fields, and the token is fresh."""
    context = {
        "form": form,
        "picked": picked,
        "ids": form.cleaned_data.get("id", ()),
        "problems": [] if status == 200 else problems_of(form),
        "errors": {} if status == 200 else form.errors,
        "form_token": form_tokens.issue_token(request.person),
        "shown_at": form.typed("shown_at")[:40] or CLOCK.now().isoformat(),
        "lost_reason": form.typed("lost_reason"),
        "reasons": board_words.REASONS,
        "back": _list_address(form),
    }
    return render(request, "opportunities/bulk.html", context, status=status)


def _show_result(request: PageRequest, person: Person, form: BulkResultForm) -> HttpResponse:
    """The page; asked by htmx for news since `seen`, 204 when there is none."""
    page = outcome(person, form.text("sent"))
    if not request.htmx:
        return render(request, "opportunities/bulk_result.html", {"page": page})
    if form.text("seen") == page.version:
        return HttpResponse(status=204)
    return render(request, "opportunities/partials/bulk_result.html", {"page": page})


def _list_address(form: BulkForm) -> str:
    """The list the deals were chosen from. Only its query string comes from the browser."""
    query = form.typed("list")[:1000]
    return f"{reverse('opportunities:board')}?{query or LIST}"
