"""The pages."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from opportunities.views.requests import PageRequest

from .asking import asked_by, told
from .showing import shown

FIRST = "overview"


@require_safe
def reports(request: PageRequest) -> HttpResponse:
    """The first report; the others are its tabs."""
    query = request.META.get("QUERY_STRING", "")
    address = reverse("opportunities:report", args=[FIRST])
    return HttpResponseRedirect(f"{address}?{query}" if query else address)


@require_safe
def report(request: PageRequest, slug: str) -> HttpResponse:
    """One report. A period named in words is turned into days, so that the address opens the same for ever."""
    asked = asked_by(request, slug)
    if asked.form.needs_address:
        return HttpResponseRedirect(asked.links.report(slug))
    sheet = told(asked)
    return render(request, "reports/report.html", {"page": shown(sheet, asked)})
