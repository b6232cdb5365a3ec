"""Checks of the servers that the application connects to: the mail server, the sign-on provider, Slant."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from django.conf import settings
from django.core.mail import get_connection

from opportunities.clock import CLOCKS_DIFFER, SystemClock
from opportunities.delivery import connection, restore_guard
from opportunities.doctor.diagnosis import Diagnosis, Plan, Process, ok, problem, warning
from opportunities.runtime.budget import Share
from opportunities.slant import errors

WELL_KNOWN = "/.well-known/openid-configuration"
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
PROVIDER_SECONDS = 5


def look_at_mail(plan: Plan) -> Iterator[Diagnosis]:
    if not settings.ALERT_EMAILS:
        yield warning("ALERT_EMAILS is empty: nobody is told when something is wrong.")
        return
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        yield warning("EMAIL_URL names no mail server: alerts stand in the log alone.")
        return
    mail = get_connection()
    try:
        mail.open()
        mail.close()
    except OSError as why:
        server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        yield problem(f"{server} takes no mail ({type(why).__name__}). Look at EMAIL_URL.")
    else:
        yield ok(f"{settings.EMAIL_HOST} answers, for {', '.join(settings.ALERT_EMAILS)}")


def look_at_sign_on(plan: Plan) -> Iterator[Diagnosis]:
    if plan.process == Process.WORKER or settings.DEMO:
        return
    missing = [name for name in ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET") if not _is_set(name)]
    if missing:
        yield problem(f"{', '.join(missing)} not set: nobody can sign in.")
        return
    if not any([*settings.OIDC_GROUPS.values(), *settings.OIDC_EMAILS.values()]):
        yield problem("no group and no address has a role: set OIDC_SALES_GROUPS and the like.")
    address = settings.OIDC_ISSUER.rstrip("/") + WELL_KNOWN
    try:
        answer = requests.get(address, timeout=PROVIDER_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        content = answer.json()
    except (requests.RequestException, ValueError) as why:
        yield problem(f"{address} does not answer as a provider ({type(why).__name__}). Look at OIDC_ISSUER.")
        return
    description = content if isinstance(content, dict) else {}
    lacking = [name for name in NEEDED if not description.get(name)]
    if description.get("issuer") != settings.OIDC_ISSUER:
        yield problem(
            "the provider calls itself otherwise. OIDC_ISSUER must be its issuer, letter for letter."
        )
    elif lacking:
        yield problem(f"the provider's description lacks {', '.join(lacking)}.")
    else:
        yield from _clock_of(answer)


def _clock_of(answer: requests.Response) -> Iterator[Diagnosis]:
    try:
        apart = abs(datetime.now(UTC) - parsedate_to_datetime(answer.headers["Date"]))
    except (KeyError, ValueError, TypeError):
        apart = CLOCKS_DIFFER
    if apart > 2 * CLOCKS_DIFFER:
        yield problem(
            f"the provider's clock and ours are {apart.total_seconds():.0f} s apart: sign-in fails. "
            "Let this machine follow a time server."
        )
    else:
        yield ok(f"{settings.OIDC_ISSUER} describes itself")


def look_at_slant(plan: Plan) -> Iterator[Diagnosis]:
    if not settings.SLANT_BASE_URL:
        yield problem("SLANT_BASE_URL is not set.")
        return
    if other := restore_guard.other_slant_message():
        yield problem(other)
        return
    if plan.process == Process.WEB or not settings.SLANT_API_TOKEN:
        # The web never calls it.
        return
    clock = SystemClock()
    try:
        me = connection.metered(connection.connect(clock), Share.PEOPLE, clock).me()
    except errors.SlantRefusedUs:
        yield problem("Slant refuses the token. Look at its row in Slant, under API tokens.")
    except errors.SlantError as why:
        yield problem(
            f"Slant cannot be asked ({why}). Look at SLANT_BASE_URL and the way out of this machine."
        )
    else:
        if me.can_write is False:
            yield problem(
                "the token is read-only: let Slant give it write access. Everything waits until then."
            )
        elif me.can_write is None:
            yield warning("Slant does not say whether the token may write. manage.py probe_slant can tell.")
        else:
            yield ok(f"{settings.SLANT_BASE_URL} knows the token, and lets it write")


def _is_set(name: str) -> bool:
    return bool(getattr(settings, name))
