"""Middleware: trusted proxies, request numbers, the log line, headers, the demo's limit, required sign-in.

Every view needs a sign-in except those marked as open (`opportunities/views/access_marks.py`). So a forgotten
mark makes a visitor sign in, and never exposes data. An address that does not exist needs a sign-in too.
"""

import codecs
import ipaddress
import logging
import re
import time
from collections.abc import Callable
from secrets import token_hex
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.cache import patch_vary_headers

from opportunities.access import Action, may
from opportunities.actions import drafts
from opportunities.runtime import request_metrics
from opportunities.views import access_log, errors, limits
from opportunities.views.access_marks import (
    draft_mark_of,
    is_for_machines,
    is_foreign,
    is_open,
    is_poll,
    page_of,
)
from opportunities.views.requests import PageRequest
from slantweb import logs, sessions
from slantweb.body_length import ChunkedBody, UnreadableLength, read_body_length
from slantweb.headers import HEADERS

GetResponse = Callable[[HttpRequest], HttpResponseBase]

log = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
FORWARDED_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    # A client that could choose its request number could imitate another request in logs and trail.
    "HTTP_X_REQUEST_ID",
)


class ProbesMiddleware:
    """Answers probes for any host name, because a load balancer uses the address of the machine. Their
    answers hold no address.

    All other requests for an unknown host are refused.
    """

    PATHS = ("/healthz", "/readyz")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info in self.PATHS:
            request.META["HTTP_HOST"] = settings.ALLOWED_HOSTS[0].lstrip(".")
        return self.get_response(request)


class RequestIdMiddleware:
    """Gives each request a number, for its answer, log lines and audit events, logs and measures it.

    A number from a trusted proxy is kept if it is a plain word. The line has the path without its query.
    Polls and probes are logged only when they fail, because they would be most of the log.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent_id = request.META.get("HTTP_X_REQUEST_ID", "")
        number = sent_id if REQUEST_ID.fullmatch(sent_id) else token_hex(8)
        request.META["HTTP_X_REQUEST_ID"] = number
        request_token, person_token = logs.request_id.set(number), logs.person_id.set("")
        began = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = number
            seconds = time.monotonic() - began
            match = request.resolver_match or _match_of(request)
            view = match.url_name if match else ""
            request_metrics.observe(view, status=response.status_code, seconds=seconds)
            facts = {
                "method": request.method,
                "path": request.path,
                # TrustedProxiesMiddleware, which runs first, has set it.
                "address": request.META.get("REMOTE_ADDR", ""),
                "status": response.status_code,
                "ms": round(seconds * 1000),
            }
            if response.status_code >= 400 or not _asks_by_itself(request, match):
                log.info("request", extra=facts)
            return response
        finally:
            logs.request_id.reset(request_token)
            logs.person_id.reset(person_token)


class TrustedProxiesMiddleware:
    """Accepts forwarded addresses, protocols and numbers from TRUSTED_PROXIES; from others they are dropped.

    Behind a trusted proxy `REMOTE_ADDR` becomes the nearest address that is not one of ours, so that all code
    after this (the trail, the limits, the demo's loopback rule) sees where a request came from.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        try:
            self.trusted = [ipaddress.ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES]
        except ValueError as problem:
            raise ImproperlyConfigured(f"TRUSTED_PROXIES: {problem}") from problem

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if self._trusts(request.META.get("REMOTE_ADDR", "")):
            hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
            while hops and self._trusts(request.META["REMOTE_ADDR"]) and _address(hops[-1]):
                request.META["REMOTE_ADDR"] = hops.pop()
        else:
            for header in FORWARDED_HEADERS:
                if request.META.pop(header, None) is not None and header != "HTTP_X_REQUEST_ID":
                    request.META["slantweb.was_forwarded"] = True
        return self.get_response(request)

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self.trusted)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


class HeadersMiddleware:
    """Adds security headers to every answer, and lets browsers store only static files.

    Django's SecurityMiddleware sets some of them as well, but not on requests that are refused before it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response[name] = value
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", _strict_transport())
        if not (_is_static(request) and response.status_code in (200, 206, 304)):
            response["Cache-Control"] = "no-store"
            patch_vary_headers(response, ["HX-Request"])
        return response


class BodyLimitMiddleware:
    """Refuses a body that is too long, or does not say how long it is, before anything of it is read.

    Django reads only as much as `Content-Length` says, so a body that is longer is cut off.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: PageRequest) -> HttpResponseBase:
        try:
            length = read_body_length(
                transfer_encoding=request.META.get("HTTP_TRANSFER_ENCODING"),
                content_length=request.META.get("CONTENT_LENGTH"),
            )
        except ChunkedBody:
            return _refuse_body("Say how long the request is (Content-Length).", 411)
        except UnreadableLength:
            return _refuse_body("The length of the request is not a number.", 400)
        if length > settings.REQUEST_BODY_MOST_BYTES:
            most = settings.REQUEST_BODY_MOST_BYTES // 1024
            return _refuse_body(f"A request may be at most {most} KB long.", 413)
        # Django decodes a form with any codec it names, and some of Python's return no text.
        if request.encoding and codecs.lookup(request.encoding).name != "utf-8":
            return _refuse_body("The request must be in UTF-8.", 415)
        request.body_length = length
        return self.get_response(request)


class MachinesUseHttpsMiddleware:
    """Refuses requests of programs with a secret over plain http, where people are redirected to https.

    A redirect would hide that the program sends its secret unencrypted (ASVS 4.1.2).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure():
            match = _match_of(request)
            if match and is_for_machines(match.func):
                return HttpResponse("Use https.\n", "text/plain; charset=utf-8", status=403)
        return self.get_response(request)


def _strict_transport() -> str:
    """The value of `Strict-Transport-Security`, as Django's SecurityMiddleware writes it."""
    subdomains = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    preload = "; preload" if settings.SECURE_HSTS_PRELOAD else ""
    return f"max-age={settings.SECURE_HSTS_SECONDS}{subdomains}{preload}"


def _refuse_body(words: str, status: int) -> HttpResponse:
    return HttpResponse(f"{words}\n", "text/plain; charset=utf-8", status=status)


class DemoIsLocalMiddleware:
    """The demo lets anybody choose who they are, so it answers only this machine, whatever address it binds.

    A forwarded request is refused, because a tunnel on this machine would open the demo to everybody.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = _address(request.META.get("REMOTE_ADDR", ""))
        is_near = address and address.is_loopback and not request.META.get("slantweb.was_forwarded")
        if settings.DEMO and not is_near:
            return HttpResponse(
                "The demo answers only the machine it runs on.\n", "text/plain; charset=utf-8", status=403
            )
        return self.get_response(request)


class SignInRequiredMiddleware:
    """Requires a role and a living session for every view that is not open to all.

    The answer has the remaining time of the session. What a person opened, and what was refused, is recorded
    in the trail.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: PageRequest) -> HttpResponseBase:
        match = _match_of(request)
        view = match.func if match else None
        if request.user.is_authenticated and not is_open(view) and is_foreign(request, view):
            # Not recorded in the trail, because an event would say that this person did something.
            return errors.not_from_here(request)
        response = self._refusal(request, view) or self.get_response(request)
        if request.user.is_authenticated and not is_open(view):
            access_log.record(request, response, match, polling=is_poll(request, view))
            if times := sessions.seconds_left(request):
                response["X-Session-Left"] = "{} {}".format(*times)
        return response

    def _refusal(self, request: PageRequest, view: object) -> HttpResponseBase | None:
        """The answer to a person who may not open the view, or None."""
        if not _is_configured():
            alive = request.path_info == "/healthz" or _is_static(request)
            return None if alive else errors.setup_needed(request)
        if is_open(view) or _is_static(request):
            return None
        polling = is_poll(request, view)
        if not request.user.is_authenticated or not sessions.is_alive(request, polling=polling):
            return to_sign_in(request, view)
        logs.person_id.set(str(request.user.pk))
        try:
            if elsewhere := sessions.renew(request, polling=polling):
                return elsewhere
        except sessions.SessionEnded:
            return to_sign_in(request, view)
        if not may(request.user, Action.ENTER):
            return errors.no_access(request)
        if wait := limits.slowed_seconds(request.user):
            return errors.too_often(request, wait)
        if not getattr(view, "poll", False):
            limits.spend_page(request)
        request.person = request.user
        request.session_left = sessions.seconds_left(request)
        return None


def _asks_by_itself(request: HttpRequest, match: ResolverMatch | None) -> bool:
    """Whether no person did this: a poll of an open page, or a probe or scrape of a machine."""
    view = match.func if match else None
    if is_for_machines(view) or request.path_info in ProbesMiddleware.PATHS:
        return True
    return request.method == "GET" and is_poll(request, view)


def _match_of(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _is_configured() -> bool:
    return bool(settings.DEMO or (settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID))


def _is_static(request: HttpRequest) -> bool:
    # Not `path`, which begins with the SCRIPT_NAME that the server was given.
    return request.path_info.startswith(settings.STATIC_URL)


def to_sign_in(request: PageRequest, view: object = None) -> HttpResponse:
    """Redirect to sign-in, and from there back to the page, never to a fragment or the target of a form.

    If a form was sent after the session ended, its values are saved for the person it was made for.
    """
    page = page_of(request)
    keeping = draft_mark_of(view)
    if keeping and request.method == "POST":
        token, typed = request.POST.get("form_token", ""), keeping.read_form(request.POST)
        drafts.save_after_session(form_token=token, form=keeping.form, typed=typed, page=page)
    address = f"{settings.LOGIN_URL}?{urlencode({'next': page})}"
    if request.htmx:
        # Never a redirect, because htmx would follow it and insert the sign-in page into this page.
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)
