"""The audit trail for managers and compliance: to read, to print, to export."""

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from opportunities.access import Action
from opportunities.clock import SystemClock
from opportunities.forms import TrailForm
from opportunities.selectors.audit.page import PAGE, PRINTED, trail
from opportunities.trail import export
from opportunities.views import errors, limits
from opportunities.views.access_marks import own_links_only
from opportunities.views.actor import actor_of
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.wording import trail as trail_words

CLOCK = SystemClock()
TYPES = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
}


@require_safe
def audit(request: PageRequest) -> HttpResponse:
    require(request.person, Action.READ_TRAIL)
    form = TrailForm(request.GET)
    form.is_valid()
    limit = PRINTED if form.for_print else PAGE
    trail_page = trail(request.person, form.trail_query, before=form.before_seq, limit=limit)
    context = {
        "form": form,
        "trail": trail_page,
        "chips": form.chips(trail_page.people),
        "query": form.query(),
        "whats": [(name, words[0]) for name, words in trail_words.WHAT.items()],
        "machines": trail_words.MACHINES.items(),
        "printed_at": timezone.now(),
    }
    return render(request, "opportunities/audit.html", context)


@own_links_only
@require_GET
def audit_export(request: PageRequest) -> HttpResponseBase:
    """The events of the page's filters, oldest first, streamed.

    `?format=` is `jsonl`, which can be verified on its own, `csv` or `zip`.
    """
    require(request.person, Action.READ_TRAIL)
    if wait := limits.spend(request, limits.EXPORT):
        return errors.too_often(request, wait)
    form = TrailForm(request.GET)
    if not form.is_valid():
        # With a mistyped day the answer must be neither the whole trail nor an empty file without an
        # explanation.
        return errors.bad_request(request)
    format = form.chosen_format
    # A table is not evidence, and is not signed.
    asks = format != "csv"
    opened = export.begin(form.trail_query, format=format, by=actor_of(request), clock=CLOCK, asks=asks)
    name = f"slantweb-trail-{timezone.localdate():%Y-%m-%d}.{format}"
    return StreamingHttpResponse(
        export.stream(opened, format),
        content_type=TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )
