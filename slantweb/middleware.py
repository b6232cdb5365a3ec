"""What every request passes on its way in: who forwards it, its number, its headers, and the locked door.

The door is closed by default. A view is open only where it says so (`opportunities/views/doors.py`), so a forgotten
mark costs a visitor a sign-in, never the firm its data. An address that does not exist is closed too.
"""

import ipaddress
import logging
import re
import time
from collections.abc import Callable
from secrets import token_hex
from typing import cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, resolve
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from opportunities.access import Action, may
from opportunities.actions import people
from opportunities.clock import SystemClock
from opportunities.models import Person
from opportunities.views import errors
from opportunities.views.actor import actor_of
from opportunities.views.doors import is_open, is_poll
from slantweb import logs

GetResponse = Callable[[HttpRequest], HttpResponseBase]

access_log = logging.getLogger("slantweb.access")

REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,64}")
FORWARDED_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)
ACTIVITY_SECONDS = 60


class RequestIdMiddleware:
    """Gives each request a number that is in its answer, its log lines and its audit events; writes the access log.

    A number a proxy already gave is kept, if it is a plain word; the log line names the path without its query.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        number = given if REQUEST_ID.fullmatch(given) else token_hex(8)
        request.META["HTTP_X_REQUEST_ID"] = number
        request_token, person_token = logs.request_id.set(number), logs.person_id.set("")
        began = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = number
            facts = {
                "method": request.method,
                "path": request.path,
                "status": response.status_code,
                "ms": round((time.monotonic() - began) * 1000),
            }
            access_log.info("request", extra=facts)
            return response
        finally:
            logs.request_id.reset(request_token)
            logs.person_id.reset(person_token)


class TrustedProxiesMiddleware:
    """Believes forwarded addresses and protocols from TRUSTED_PROXIES alone; from anybody else they are dropped.

    Behind a trusted proxy `REMOTE_ADDR` becomes the nearest address that is not one of ours, so that everything
    after this (the trail, the limits, the demo's loopback rule) sees where a request really came from.
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
                request.META.pop(header, None)
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
    """The security headers Django and django-csp do not set; and nothing but static files is ever stored."""

    HEADERS = {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": (
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
            "microphone=(), midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), usb=()"
        ),
    }

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in self.HEADERS.items():
            response[name] = value
        if not (_is_static(request) and response.status_code in (200, 206, 304)):
            response["Cache-Control"] = "no-store"
            patch_vary_headers(response, ["HX-Request"])
        return response


class DemoIsLocalMiddleware:
    """The demo lets anybody choose who they are, so it answers this machine alone, whatever the server binds."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = _address(request.META.get("REMOTE_ADDR", ""))
        if settings.DEMO and not (address and address.is_loopback):
            return HttpResponse("The demo answers only the machine it runs on.\n", "text/plain", status=403)
        return self.get_response(request)


class SignInRequiredMiddleware:
    """The locked door: lets in people with a role and a living session; all others only where a view is open to all."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._refusal(request) or self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponseBase | None:
        """The answer to somebody who may not pass, or None."""
        view = _view_of(request)
        if not _is_configured():
            alive = request.path == "/healthz" or _is_static(request)
            return None if alive else errors.setup_needed(request)
        if is_open(view) or _is_static(request):
            return None
        if not request.user.is_authenticated or not _session_lives(request, polling=is_poll(request, view)):
            return to_sign_in(request)
        logs.person_id.set(str(request.user.pk))
        if not may(request.user, Action.ENTER):
            return errors.no_access(request)
        return None


def _view_of(request: HttpRequest) -> object:
    try:
        return resolve(request.path_info).func
    except Resolver404:
        return None


def _is_configured() -> bool:
    return bool(settings.DEMO or (settings.OIDC_ISSUER and settings.OIDC_CLIENT_ID))


def _is_static(request: HttpRequest) -> bool:
    return request.path.startswith(settings.STATIC_URL)


def _session_lives(request: HttpRequest, *, polling: bool) -> bool:
    """Whether the session is within its idle and its absolute limit; a dead one is ended on the server, in the trail.

    Activity is written at most once a minute, and never by a poll, which therefore writes nothing at all.
    """
    now = int(time.time())
    began, seen = request.session.get("began"), request.session.get("seen")
    if began is None or seen is None:
        # A session opened by other means than our sign-in: its limits count from now.
        request.session["began"] = request.session["seen"] = now
        return True
    idle, too_old = now - seen > settings.SESSION_IDLE_MINUTES * 60, now - began > settings.SESSION_COOKIE_AGE
    if idle or too_old:
        person = cast(Person, request.user)
        reason = "idle" if idle else "absolute"
        people.sign_out(person=person, by=actor_of(request), clock=SystemClock(), reason_code=reason)
        logout(request)
        return False
    if not polling and now - seen >= ACTIVITY_SECONDS:
        request.session["seen"] = now
    return True


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and then back to the page the person was on: never to a fragment or a form's target."""
    address = f"{settings.LOGIN_URL}?{urlencode({'next': _page_of(request)})}"
    if request.headers.get("HX-Request") == "true":
        # Never a redirect: htmx would follow it and paste the sign-in page into a part of this one.
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)


def _page_of(request: HttpRequest) -> str:
    if request.headers.get("HX-Request") == "true":
        return _own_path(request, request.headers.get("HX-Current-URL", ""))
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return _own_path(request, request.headers.get("Referer", ""))


def _own_path(request: HttpRequest, url: str) -> str:
    """Path and query of `url` if it is one of ours, else the home page."""
    if not url or not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}):
        return "/"
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
