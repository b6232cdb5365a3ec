"""Company sign-on by OpenID Connect: the authorization code flow with PKCE, state and nonce.

Authlib's session calls the provider; `discovery.py` reads what the provider publishes, `id_token.py` checks
ID tokens, `auth.py` makes an identity from claims. The reasons are in `docs/decisions/0009-authlib.md`.
"""

import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from opportunities.actions.people import Identity
from opportunities.clock import CLOCKS_DIFFER
from opportunities.views import limits
from opportunities.views.provider import LogoutNotice, ProviderUnreachable, SignInRefused, SignInResult
from slantweb import auth, discovery, id_token
from slantweb.sealing import seal, unseal

log = logging.getLogger(__name__)

# In the browser's session: the unfinished sign-ins by state.
PENDING = "pending_sign_ins"
PENDING_SECONDS = 10 * 60
PENDING_MOST = 10
# The provider's errors when a person's session there has ended, or they may no longer sign in (OpenID Connect
# Core 3.1.2.6, OAuth 2.0 4.1.2.1 and 5.2). All other errors are faults of the provider or of our registration
# there.
PERSON_REFUSED = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_grant",
    "login_required",
}


class SignOn:
    """`opportunities.views.provider.Provider`, by OpenID Connect."""

    def origins(self) -> list[str]:
        addresses = (settings.OIDC_ISSUER, discovery.description()["authorization_endpoint"])
        return sorted({"{0.scheme}://{0.netloc}".format(urlsplit(address)) for address in addresses})

    def begin(self, request: HttpRequest, *, next: str, renewing: bool = False) -> HttpResponse:
        """The redirect to the provider. With `renewing` the provider must answer without asking the person,
        or with an error.
        """
        pending = {
            "nonce": secrets.token_urlsafe(32),
            "verifier": secrets.token_urlsafe(96),
            "next": next,
            "renewing": renewing,
        }
        with _client(request) as client:
            address, state = client.create_authorization_url(
                discovery.description()["authorization_endpoint"],
                nonce=pending["nonce"],
                code_verifier=pending["verifier"],
                prompt="none" if renewing else None,
                acr_values=" ".join(settings.OIDC_ACR_VALUES) or None,
            )
        _remember(request, state, pending)
        return HttpResponseRedirect(address)

    def finish(self, request: HttpRequest) -> SignInResult:
        # A state is used up before anything in the answer is trusted.
        pending = _take_pending(request, request.GET.get("state", ""))
        if pending is None:
            raise SignInRefused("state_unknown")
        try:
            tokens = _exchange_code(request, pending["verifier"])
            claims = _verify_id_token(tokens, nonce=pending["nonce"])
            _check_strength(claims)
            identity = _identify(tokens, claims)
        except SignInRefused as problem:
            problem.next = pending["next"]
            raise
        session = {
            "grant": _seal_grant(tokens),
            "refreshes": bool(tokens.get("refresh_token")),
            "sid": str(claims.get("sid") or "")[:255],
        }
        return SignInResult(identity, pending["next"], is_renewal=pending["renewing"], session=session)

    def renew(self, request: HttpRequest, sealed_grant: str) -> tuple[Identity, str] | None:
        """The person's present claims, and the new grant to keep; None if there is no refresh token.

        Raises `SignInRefused` when the provider refuses, `ProviderUnreachable` when it does not say.
        """
        grant = unseal(sealed_grant)
        if not grant.get("refresh"):
            return None
        try:
            # Without a scope the new tokens have that of the old ones, which may be less than we asked for.
            form = {"grant_type": "refresh_token", "refresh_token": grant["refresh"], "scope": None}
            tokens = _request_tokens(request, **form)
        except OAuthError as problem:
            error = str(problem.error)[:60]
            if error in PERSON_REFUSED:
                raise SignInRefused(f"provider_{error}") from problem
            # Our own secret may have expired, which says nothing about the person.
            log.error("the provider refuses to renew: %s", error)
            raise ProviderUnreachable("renewal_failed") from problem
        claims = _verify_id_token(tokens, nonce=None) if tokens.get("id_token") else {}
        return _identify(tokens, claims), _seal_grant(tokens, grant)

    def read_logout(self, token: str) -> LogoutNotice:
        claims = id_token.verify_logout(
            token,
            find_key=discovery.find_key,
            issuer=settings.OIDC_ISSUER,
            client_id=settings.OIDC_CLIENT_ID,
        )
        sub, sid = claims.get("sub", ""), claims.get("sid", "")
        # When the record of a used token is deleted, the token is refused because of its age.
        return LogoutNotice(settings.OIDC_ISSUER, sub, sid, claims["jti"], 2 * id_token.OLDEST_SECONDS)

    def sign_out_hint(self, request: HttpRequest) -> str:
        return seal({"id": unseal(request.session.get("grant")).get("id", "")})

    def sign_out_url(self, request: HttpRequest, hint: str) -> str:
        try:
            address = discovery.description().get("end_session_endpoint")
        except ProviderUnreachable:
            return ""
        if not discovery.is_secure(address):
            return ""
        parameters = {
            "client_id": settings.OIDC_CLIENT_ID,
            "post_logout_redirect_uri": request.build_absolute_uri(reverse("opportunities:signed_out")),
        }
        # Without the hint most providers ask which session to end; Okta refuses.
        if id_token_hint := unseal(hint).get("id"):
            parameters["id_token_hint"] = id_token_hint
        return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def _client(request: HttpRequest) -> OAuth2Session:
    """Authlib's session for the one provider, from OIDC_*. It follows no redirect."""
    methods = discovery.description().get("token_endpoint_auth_methods_supported") or []
    basic = "client_secret_basic" in methods and "client_secret_post" not in methods
    method = "client_secret_basic" if basic else "client_secret_post"
    return OAuth2Session(
        settings.OIDC_CLIENT_ID,
        settings.OIDC_CLIENT_SECRET,
        token_endpoint_auth_method=method if settings.OIDC_CLIENT_SECRET else "none",
        scope=settings.OIDC_SCOPES,
        redirect_uri=request.build_absolute_uri(reverse("opportunities:sign_in_callback")),
        code_challenge_method="S256",
        default_timeout=discovery.TIMEOUT_SECONDS,
        max_redirects=0,
    )


def _remember(request: HttpRequest, state: str, pending: dict[str, Any]) -> None:
    pending_items = sorted(request.session.get(PENDING, {}).items(), key=lambda item: item[1]["began"])
    newest = dict(pending_items[-PENDING_MOST + 1 :])
    request.session[PENDING] = newest | {state: pending | {"began": time.time()}}


def _take_pending(request: HttpRequest, state: str) -> dict[str, Any] | None:
    """The sign-in begun with `state`: once, within ten minutes, in the browser that began it; else None."""
    all_pending = request.session.get(PENDING, {})
    pending: dict[str, Any] | None = all_pending.pop(state, None)
    if pending is None:
        return None
    request.session[PENDING] = all_pending
    request.session.save()
    # Loaded again at its next use, because other tabs may write while the provider answers.
    request.session = type(request.session)(request.session.session_key)
    # Two simultaneous answers may both have read the session before one of them removed the state.
    if not limits.is_first("state", state, seconds=PENDING_SECONDS):
        return None
    # A sign-in with a beginning in the future began before the clock was set back. Its age is unknown.
    age = time.time() - pending["began"]
    return pending if -CLOCKS_DIFFER.total_seconds() <= age <= PENDING_SECONDS else None


def _exchange_code(request: HttpRequest, verifier: str) -> Mapping[str, Any]:
    """The provider's tokens for the code of this callback."""
    issuer, error, code = (request.GET.get(name) for name in ("iss", "error", "code"))
    # An answer names its provider if the provider's description says so (RFC 9207).
    is_promised = discovery.description().get("authorization_response_iss_parameter_supported") is True
    if issuer != settings.OIDC_ISSUER and (is_promised or issuer is not None):
        raise SignInRefused("issuer_wrong")
    if error is not None:
        raise SignInRefused(f"provider_{error}" if error in PERSON_REFUSED else "provider_error")
    if not code:
        raise SignInRefused("code_missing")
    try:
        return _request_tokens(request, code=code, code_verifier=verifier)
    except OAuthError as problem:
        # A wrong client secret also fails here. Only the error code of the answer goes into the log.
        log.warning("the provider refuses the code: %s", str(problem.error)[:60])
        raise SignInRefused("code_refused") from problem


def _request_tokens(request: HttpRequest, **form: str | None) -> Mapping[str, Any]:
    """The tokens of the token endpoint. Raises `OAuthError` without a usable token, `ProviderUnreachable`
    without an answer.
    """
    try:
        with _client(request) as client:
            tokens: dict[str, Any] = client.fetch_token(discovery.description()["token_endpoint"], **form)
    except (requests.HTTPError, TypeError, ValueError) as problem:
        raise OAuthError("no_usable_answer") from problem
    except requests.RequestException as problem:
        raise ProviderUnreachable from problem
    if not tokens.get("access_token"):
        raise OAuthError("no_access_token")
    return tokens


def _verify_id_token(tokens: Mapping[str, Any], *, nonce: str | None) -> dict[str, Any]:
    """The claims of the ID token, every part of it checked. `nonce` None: a renewal."""
    return id_token.verify(
        tokens.get("id_token"),
        find_key=discovery.find_key,
        issuer=settings.OIDC_ISSUER,
        client_id=settings.OIDC_CLIENT_ID,
        nonce=nonce,
        access_token=str(tokens["access_token"]),
    )


def _check_strength(claims: Mapping[str, Any]) -> None:
    """Refuse a sign-in weaker than OIDC_ACR_VALUES require. A provider may ignore the request for them."""
    if settings.OIDC_ACR_VALUES and claims.get("acr") not in settings.OIDC_ACR_VALUES:
        raise SignInRefused("too_weak")


def _identify(tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> Identity:
    """The identity in the provider's tokens; `claims` are those of the ID token, if there is one."""
    is_complete = {settings.OIDC_GROUPS_CLAIM, "email"} <= claims.keys()
    userinfo = {} if is_complete else discovery.fetch_userinfo(str(tokens["access_token"]))
    return auth.identity_of(auth.merge_claims(claims, userinfo))


def _seal_grant(tokens: Mapping[str, Any], earlier: Mapping[str, Any] | None = None) -> str:
    """The provider's tokens that the session keeps, sealed: for renewing, and for signing out at the
    provider.
    """
    names, earlier = {"refresh": "refresh_token", "id": "id_token"}, earlier or {}
    return seal(
        {
            our_name: tokens.get(provider_name) or earlier.get(our_name, "")
            for our_name, provider_name in names.items()
        }
    )
