"""The pages."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from opportunities.views import limits
from opportunities.views.errors import too_often
from opportunities.views.requests import PageRequest

from .page import build_page
from .report_request import read_request

FIRST = "overview"


@require_safe
def reports(request: PageRequest) -> HttpResponse:
    """The first report; the others are its tabs."""
    query = request.META.get("QUERY_STRING", "")
    address = reverse("opportunities:report", args=[FIRST])
    return HttpResponseRedirect(f"{address}?{query}" if query else address)


@require_safe
@limits.one_at_a_time
def report(request: PageRequest, slug: str) -> HttpResponse:
    """A period named in words becomes days in the address, so that it always opens the same report."""
    if wait := limits.spend(request, limits.REPORT):
        return too_often(request, wait)
    report_request = read_request(request, slug)
    if report_request.form.needs_address:
        return HttpResponseRedirect(report_request.links.report(slug))
    return render(
        request, "reports/report.html", {"page": build_page(report_request, report_request.build_sheet())}
    )
