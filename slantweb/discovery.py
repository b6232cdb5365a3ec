"""What the provider publishes: its description (OpenID Connect Discovery) and its signing keys, cached.

Each process caches them in its own memory, because somebody who could change them elsewhere could sign in as
anybody. Only addresses in the description are called, and no redirect is followed.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.cache import caches

from opportunities.views.provider import ProviderUnreachable, SignInRefused

log = logging.getLogger(__name__)
_fetching_keys = threading.Lock()

DESCRIPTION_SECONDS = 10 * 60
KEYS_SECONDS = 60 * 60
# An unknown key is fetched at once, but at most this often, because anybody can send a token with an invented
# `kid`.
KEYS_RETRY_SECONDS = 30
TIMEOUT_SECONDS = 5
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WELL_KNOWN = "/.well-known/openid-configuration"
REQUIRED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


def description() -> dict[str, Any]:
    """The provider's description, at most ten minutes old. Raises `ProviderUnreachable` if it is wrong."""
    key = f"oidc:discovery:{settings.OIDC_ISSUER}"
    document: dict[str, Any] | None = caches["process"].get(key)
    if document is None:
        document = _fetch_json(settings.OIDC_ISSUER.rstrip("/") + WELL_KNOWN)
        # An exact match, or another provider could pose as ours (OpenID Connect Discovery 4.3).
        if document.get("issuer") != settings.OIDC_ISSUER:
            log.error("the discovery document names another issuer than OIDC_ISSUER")
            raise ProviderUnreachable("discovery_wrong")
        if not all(
            is_secure(document.get(name)) for name in {*REQUIRED, *({"userinfo_endpoint"} & document.keys())}
        ):
            log.error("the discovery document lacks an address, or has one that is not https")
            raise ProviderUnreachable("discovery_wrong")
        caches["process"].set(key, document, DESCRIPTION_SECONDS)
    return document


def find_key(kid: str) -> Mapping[str, Any]:
    """The provider's signing key with this `kid`. A new one is fetched at once, at most twice a minute.

    A sign-in waits while another request fetches the keys.
    """
    key = _select_key(_remembered_keys() or [], kid)
    if key is None:
        with _fetching_keys:
            _fetch_keys_for(kid)
            keys = _remembered_keys()
        key = _select_key(keys or [], kid)
        if key is None:
            raise ProviderUnreachable if keys is None else SignInRefused("key_unknown")
    return key


def _remembered_keys() -> list[Any] | None:
    keys: list[Any] | None = caches["process"].get(_keys_name())
    return keys


def _fetch_keys_for(kid: str) -> None:
    """Fetch the keys, unless another request just fetched this one, or recently failed to."""
    if _select_key(_remembered_keys() or [], kid) is not None:
        return
    if caches["process"].add(f"{_keys_name()}:asked", 1, KEYS_RETRY_SECONDS):
        keys = _fetch_json(description()["jwks_uri"]).get("keys")
        if not isinstance(keys, list):
            raise ProviderUnreachable("keys_unreadable")
        caches["process"].set(_keys_name(), keys, KEYS_SECONDS)


def _keys_name() -> str:
    return f"oidc:keys:{settings.OIDC_ISSUER}"


def fetch_userinfo(access_token: str) -> dict[str, Any]:
    """The provider's claims besides the ID token; empty if the provider has no userinfo address."""
    address = description().get("userinfo_endpoint")
    return _fetch_json(address, {"Authorization": f"Bearer {access_token}"}) if address else {}


def is_secure(address: object) -> TypeGuard[str]:
    """Whether the address uses https or is on this machine. Otherwise others could read the code and the
    tokens.
    """
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    return parts.scheme == "https" or (settings.OIDC_IS_LOOPBACK and parts.hostname in LOOPBACK)


def _select_key(keys: list[Any], kid: str) -> Mapping[str, Any] | None:
    """The one signing key with this `kid`. For a token without a `kid`, the only key if there is one."""
    signing = [key for key in keys if isinstance(key, dict) and key.get("use", "sig") == "sig"]
    candidates = [key for key in signing if key.get("kid") == kid] if kid else signing
    return candidates[0] if len(candidates) == 1 else None


def _fetch_json(address: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        with requests.Session() as session:
            session.max_redirects = 0
            response = session.get(address, headers=headers, timeout=TIMEOUT_SECONDS)
            response.raise_for_status()
            document = response.json()
    except (requests.RequestException, ValueError, RecursionError) as problem:
        log.warning("the sign-on provider does not answer: %s", type(problem).__name__)
        raise ProviderUnreachable from problem
    if not isinstance(document, dict):
        raise ProviderUnreachable
    return document
