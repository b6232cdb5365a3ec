"""Type-ahead over the households of the mirror."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from opportunities.forms import typed_values
from opportunities.selectors.choices import search_households
from opportunities.views.requests import PageRequest


@require_safe
def households(request: PageRequest) -> HttpResponse:
    """A fragment: those households whose name holds `q`, of `book_id` or of every book one may write in."""
    typed = typed_values(request.GET)
    q, book_id = typed.get("q", "").strip(), typed.get("book_id", "")
    matches = search_households(request.person, q, book_id)
    return render(request, "opportunities/partials/household_options.html", {"households": matches, "q": q})
