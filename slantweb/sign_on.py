"""Company sign-on by OpenID Connect: the authorization code flow with PKCE, state and nonce.

django-allauth brings discovery, state, PKCE, the redirect and the exchange of the code. Its account pages, its tables
and its own view of who somebody is are not used: the one `App` below comes from the settings, ID tokens are checked in
`id_token.py`, and whoever is vouched for goes to `opportunities.actions.people`. No route of allauth is mounted.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from opportunities.actions.people import Identity
from opportunities.views.provider import NotVouched, Unreachable, Vouched
from slantweb import auth, id_token
from slantweb.sealing import seal, unseal

log = logging.getLogger("slantweb.sign_on")

DISCOVERY_SECONDS = 10 * 60
KEYS_SECONDS = 60 * 60
# A key nobody knows yet is asked for at once, but not again and again: anybody can send a token with a made-up `kid`.
LOOK_AGAIN_SECONDS = 30
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WELL_KNOWN = "/.well-known/openid-configuration"
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
# What the provider says when somebody's session there is over, or they may no longer come in (OpenID Connect Core
# 3.1.2.6, OAuth 2.0 4.1.2.1 and 5.2). Everything else is trouble of the provider or of our registration there.
OVER = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_grant",
    "login_required",
}
ERROR_WORD = re.compile(r'"error"\s*:\s*"([a-z_]{1,40})"')


class HouseAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """How allauth speaks to the provider: never to where it is redirected. SOCIALACCOUNT_ADAPTER names this class."""

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.max_redirects = 0
        return session


class _Exchange(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """allauth's OpenID Connect, with the discovery document checked and kept, and our own callback."""

    def __init__(self, request: HttpRequest, provider: "_Company") -> None:
        super().__init__(request, provider.app.provider_id)
        self._provider = provider

    def get_provider(self) -> "_Company":
        return self._provider

    @property
    def openid_config(self) -> dict[str, Any]:
        return discovered()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return callback_url(request)

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """What the provider adds to the ID token; nothing where it has no such address."""
        if "userinfo_endpoint" not in self.openid_config:
            return {}
        found = self._fetch_user_info(access_token)
        return found if isinstance(found, dict) else {}


class _Company(OpenIDConnectProvider):  # type: ignore[misc]
    """The one provider, from OIDC_*: nothing about it is in the database."""

    pkce_enabled_default = True

    def __init__(self, request: HttpRequest) -> None:
        app = SocialApp(
            provider="openid_connect",
            provider_id="company",
            name="Company sign-on",
            client_id=settings.OIDC_CLIENT_ID,
            secret=settings.OIDC_CLIENT_SECRET,
            settings={
                "server_url": settings.OIDC_ISSUER,
                "oauth_pkce_enabled": True,
                "scope": settings.OIDC_SCOPES,
            },
        )
        super().__init__(request, app=app)

    def get_oauth2_adapter(self, request: HttpRequest) -> _Exchange:
        return _Exchange(request, self)


class SignOn:
    """`opportunities.views.provider.Provider`, by OpenID Connect."""

    def origins(self, request: HttpRequest) -> list[str]:
        found = {settings.OIDC_ISSUER, discovered()["authorization_endpoint"]}
        return sorted({origin(url) for url in found})

    def begin(self, request: HttpRequest, *, next: str, renewing: str = "") -> HttpResponse:
        """To the provider; with `renewing` (a person's id) without a word to them: it answers at once, or not at all."""
        nonce = secrets.token_urlsafe(32)
        response: HttpResponse = _Company(request).redirect(
            request,
            process="login",
            next_url=next,
            data={"nonce": nonce, "renewing": renewing},
            auth_params={"nonce": nonce} | ({"prompt": "none"} if renewing else {}),
        )
        return response

    def finish(self, request: HttpRequest) -> Vouched:
        # A state counts once, for ten minutes, in the browser it was made for; it is gone before anything is believed.
        state = statekit.unstash_state(
            request, provider_id=_Company(request).sub_id, state_id=request.GET.get("state", "")
        )
        if state is None:
            raise NotVouched("state_unknown")
        try:
            answer, identity = self._answer_to(request, state)
        except NotVouched as problem:
            problem.next = state.get("next", "")
            raise
        return Vouched(
            identity,
            next=state.get("next", ""),
            renewal=bool(state["data"]["renewing"]),
            kept={"grant": _grant(answer, {}), "refreshes": bool(answer.get("refresh_token"))},
        )

    def _answer_to(
        self, request: HttpRequest, state: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Identity]:
        """What the provider gives for the code of this callback, and whom it speaks of."""
        _check_answerer(request.GET.get("iss"), discovered())
        if "error" in request.GET:
            error = request.GET["error"]
            raise NotVouched(f"provider_{error}" if error in OVER else "provider_error")
        if not request.GET.get("code"):
            raise NotVouched("code_missing")
        provider = _Company(request)
        exchange = provider.get_oauth2_adapter(request)
        try:
            client = exchange.get_client(request, provider.app)
            answer = exchange.get_access_token_data(
                request, provider.app, client, pkce_code_verifier=state["pkce_code_verifier"]
            )
        except OAuth2Error as problem:
            # A wrong client secret shows here, too. Of the answer only the word for the error goes into the log.
            said = ERROR_WORD.search(str(problem))
            log.warning("the provider refuses the code: %s", said[1] if said else "no reason given")
            raise NotVouched("code_refused") from problem
        except (requests.RequestException, ValueError) as problem:
            raise Unreachable from problem
        return answer, _believe(exchange, answer, nonce=state["data"]["nonce"])

    def renew(self, request: HttpRequest, kept: str) -> tuple[Identity, str] | None:
        """The same person's claims as of now, and what to keep instead of `kept`; None where there is no refresh token.

        Raises `NotVouched` when the provider refuses, `Unreachable` when it does not say.
        """
        before = unseal(kept)
        if not before.get("refresh"):
            return None
        provider = _Company(request)
        exchange = provider.get_oauth2_adapter(request)
        answer = _refreshed(exchange, before["refresh"])
        return _believe(exchange, answer, nonce=None), _grant(answer, before)

    def farewell(self, request: HttpRequest) -> str:
        return seal({"id": unseal(request.session.get("grant")).get("id", "")})

    def way_out(self, request: HttpRequest, kept: str) -> str:
        try:
            address = discovered().get("end_session_endpoint")
        except Unreachable:
            return ""
        if not isinstance(address, str) or not _may_be_spoken_to(address):
            return ""
        asked = {
            "client_id": settings.OIDC_CLIENT_ID,
            "post_logout_redirect_uri": request.build_absolute_uri(reverse("opportunities:signed_out")),
        }
        # Without the hint most providers ask whose session is meant; Okta refuses.
        if hint := unseal(kept).get("id"):
            asked["id_token_hint"] = hint
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def callback_url(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("opportunities:sign_in_callback"))


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def discovered() -> dict[str, Any]:
    """The provider's description of itself, kept for ten minutes. Raises `Unreachable` if it cannot be relied on."""
    key = f"oidc:discovery:{settings.OIDC_ISSUER}"
    config = cache.get(key)
    if config is None:
        config = _fetch(settings.OIDC_ISSUER.rstrip("/") + WELL_KNOWN)
        # Exact, or another provider could speak for ours (OpenID Connect Discovery 4.3).
        if config.get("issuer") != settings.OIDC_ISSUER:
            log.error("the discovery document names another issuer than OIDC_ISSUER")
            raise Unreachable("discovery_wrong")
        addresses = [config.get(name) for name in NEEDED]
        if "userinfo_endpoint" in config:
            addresses.append(config["userinfo_endpoint"])
        if not all(isinstance(address, str) and _may_be_spoken_to(address) for address in addresses):
            log.error("the discovery document lacks an address, or has one that is not https")
            raise Unreachable("discovery_wrong")
        cache.set(key, config, DISCOVERY_SECONDS)
    return dict(config)


def find_key(kid: str) -> Mapping[str, Any]:
    """The provider's signing key of that name. A new one is looked for at once, at most twice a minute."""
    key = f"oidc:keys:{settings.OIDC_ISSUER}"
    keys = cache.get(key)
    found = _fitting(keys or [], kid)
    if found is None and cache.add(f"{key}:asked", 1, LOOK_AGAIN_SECONDS):
        keys = _fetch(discovered()["jwks_uri"]).get("keys")
        if not isinstance(keys, list):
            raise Unreachable("keys_unreadable")
        cache.set(key, keys, KEYS_SECONDS)
        found = _fitting(keys, kid)
    if found is None:
        raise Unreachable if keys is None else id_token.TokenRefused("key_unknown")
    return found


def _fitting(keys: list[Any], kid: str) -> Mapping[str, Any] | None:
    """A token without a `kid` can only mean the one key there is."""
    signing = [each for each in keys if isinstance(each, dict) and each.get("use", "sig") == "sig"]
    named = [each for each in signing if each.get("kid") == kid] if kid else signing
    return named[0] if len(named) == 1 else None


def _believe(exchange: _Exchange, answer: Mapping[str, Any], *, nonce: str | None) -> Identity:
    """Who the provider's answer speaks of, every part of it checked. `nonce` None: a renewal."""
    access_token = str(answer.get("access_token") or "")
    claims: dict[str, Any] = {}
    try:
        if nonce is not None or answer.get("id_token"):
            claims = id_token.verify(
                answer.get("id_token"),
                find_key=find_key,
                issuer=settings.OIDC_ISSUER,
                client_id=settings.OIDC_CLIENT_ID,
                nonce=nonce,
                access_token=access_token,
            )
        known = settings.OIDC_GROUPS_CLAIM in claims and "email" in claims
        more = exchange.userinfo(access_token) if access_token and not known else {}
    except id_token.TokenRefused as problem:
        raise NotVouched(problem.code) from problem
    except (requests.RequestException, ValueError) as problem:
        raise Unreachable from problem
    if claims and more and more.get("sub") != claims["sub"]:
        raise NotVouched("userinfo_of_somebody_else")
    try:
        return auth.identity_of(merged(claims, more))
    except auth.ClaimsRefused as problem:
        raise NotVouched("claims_incomplete") from problem


def merged(claims: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The ID token's claims, with what only the userinfo answer says.

    An address and whether it was verified come from one place or from the other, never one half from each.
    """
    together = {name: value for name, value in more.items() if name not in ("iss", "aud")} | dict(claims)
    together["iss"] = settings.OIDC_ISSUER
    if "email" in claims:
        together["email_verified"] = claims.get("email_verified")
        if together["email_verified"] is None and more.get("email") == claims["email"]:
            together["email_verified"] = more.get("email_verified")
    return together


def _grant(answer: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """What the session keeps of the provider's answer, sealed: for renewing, and for signing out there."""
    return seal(
        {
            "refresh": answer.get("refresh_token") or before.get("refresh", ""),
            "id": answer.get("id_token") or before.get("id", ""),
        }
    )


def _refreshed(exchange: _Exchange, refresh_token: str) -> dict[str, Any]:
    """A new answer for a refresh token (OAuth 2.0 section 6). allauth has no such call."""
    asked = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    client_id, secret = settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET
    proof = None
    if secret and exchange.basic_auth:
        proof = requests.auth.HTTPBasicAuth(client_id, secret)
    else:
        asked |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    try:
        with get_adapter().get_requests_session() as session:
            response = session.post(exchange.access_token_url, data=asked, auth=proof)
            answer = response.json()
    except (requests.RequestException, ValueError) as problem:
        raise Unreachable from problem
    if not isinstance(answer, dict):
        raise Unreachable
    if response.status_code == 200 and answer.get("access_token"):
        return answer
    if answer.get("error") in OVER:
        raise NotVouched("provider_" + answer["error"])
    # Our secret ran out, say: that is no reason to believe the person has no business here, nor that they have.
    log.error("the provider refuses to renew: %s", str(answer.get("error"))[:60])
    raise Unreachable("renewal_failed")


def _check_answerer(given: str | None, config: Mapping[str, Any]) -> None:
    """An answer names the provider it is from, where the provider says it does (RFC 9207)."""
    promised = config.get("authorization_response_iss_parameter_supported") is True
    if (given is None and promised) or (given is not None and given != settings.OIDC_ISSUER):
        raise NotVouched("issuer_wrong")


def _fetch(url: str) -> dict[str, Any]:
    try:
        with get_adapter().get_requests_session() as session:
            response = session.get(url)
            response.raise_for_status()
            found = response.json()
    except (requests.RequestException, ValueError) as problem:
        log.warning("the sign-on provider does not answer: %s", type(problem).__name__)
        raise Unreachable from problem
    if not isinstance(found, dict):
        raise Unreachable
    return found


def _may_be_spoken_to(url: str) -> bool:
    """Over https, or to this very machine: who else listens could read the code and the tokens."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (settings.OIDC_IS_LOOPBACK and parts.hostname in LOOPBACK)
