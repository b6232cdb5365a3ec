"""The address at which the sign-on provider reports that a session has ended (OpenID Connect Back-Channel
Logout 1.0).
"""

import logging
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from opportunities.actions import open_sessions
from opportunities.clock import SystemClock
from opportunities.forms.parameters import LogoutForm
from opportunities.views import errors, limits
from opportunities.views.access_marks import for_machines, open_to_all
from opportunities.views.actor import actor_of
from opportunities.views.provider import LogoutNotice, ProviderUnreachable, SignInRefused, provider
from opportunities.views.requests import PageRequest

log = logging.getLogger(__name__)


# The provider sends this, not a browser: it has no cookie of ours, and is authenticated by its signature.
@csrf_exempt
@for_machines
@open_to_all
@require_POST
def back_channel_logout(request: PageRequest) -> HttpResponse:
    """End the sessions that a logout token names, and mark the token as used, in one transaction."""
    if settings.DEMO:
        raise Http404
    try:
        notice = provider().read_logout(LogoutForm(request.POST).text("logout_token"))
        ended = _end_sessions(request, notice)
    except SignInRefused as problem:
        return _refuse(request, problem)
    log.info("the provider ended sessions", extra={"ended": ended})
    return HttpResponse(status=204)


@transaction.atomic
def _end_sessions(request: PageRequest, notice: LogoutNotice) -> int:
    if not limits.is_first("logout_token", notice.jti, seconds=notice.seconds):
        raise SignInRefused("token_used")
    sessions = open_sessions.of_provider(iss=notice.iss, sub=notice.sub, sid=notice.sid)
    by = replace(actor_of(request), display="The sign-on provider")
    return open_sessions.end(sessions, by=by, reason_code="provider", clock=SystemClock())


def _refuse(request: PageRequest, problem: SignInRefused) -> HttpResponse:
    """Refuse the token. Anybody can send one, so refusals go to the log and not to the trail. A valid token
    counts against no limit.
    """
    log.warning("logout refused", extra={"reason": problem.code})
    if wait := limits.spend(request, limits.CALLBACK):
        return errors.too_often(request, wait)
    status = 503 if isinstance(problem, ProviderUnreachable) else 400
    return JsonResponse({"error": "invalid_request"}, status=status)
