"""Sign-on: what a provider claims of somebody becomes an identity with roles. Nothing here asks a network or a database.

A person is the provider's `iss` and their `sub`, never the e-mail (OpenID Connect Core 5.7): an address can be given to
somebody else. A verified e-mail only links them to their place in Slant's books.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from opportunities.actions.people import Identity
from opportunities.models import Person, Role

ENTRA_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")


class ClaimsRefused(ValueError):
    """The claims do not say who this is. The text names the claim, never its value."""


class PersonBackend(BaseBackend):
    """Finds the person of a session. There is no password to check: people come in through `let_in` alone."""

    def get_user(self, user_id: Any) -> Person | None:
        try:
            return Person.objects.filter(pk=user_id, is_active=True).first()
        except ValidationError:
            return None

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        return None


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """Who checked `claims` speak of. Raises `ClaimsRefused` without `iss` or `sub`; an unverified e-mail is dropped."""
    issuer, subject = _text(claims, "iss"), _text(claims, "sub")
    for name, value in (("iss", issuer), ("sub", subject)):
        # As it is or not at all: what was trimmed could be somebody else's.
        if not value or value != claims[name] or len(value) > 255 or not value.isprintable():
            raise ClaimsRefused(f"the claim {name} is missing, too long, or no plain text")
    email = _text(claims, "email").lower() if _is_verified(claims, issuer) else ""
    name = _text(claims, "name") or _text(claims, "preferred_username")
    roles = roles_of(claims, email)
    # People may choose their name at the provider; a database takes no NUL, and a line of the trail is one line.
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return Identity(issuer, subject, email, name[:200], roles, "" if roles else _why_no_role(claims))


def roles_of(claims: Mapping[str, Any], verified_email: str = "") -> tuple[str, ...]:
    """The roles of the claimed groups, and of the e-mail lists for providers that send no groups."""
    groups = set(_words(claims.get(settings.OIDC_GROUPS_CLAIM)))
    return tuple(
        role.value
        for role in Role
        if groups & set(settings.OIDC_GROUPS[role.value])
        or (verified_email and verified_email in settings.OIDC_EMAILS[role.value])
    )


def _is_verified(claims: Mapping[str, Any], issuer: str) -> bool:
    """Entra ID never sends `email_verified`; its `xms_edov` says that the address's domain is proven to be the firm's."""
    if claims.get("email_verified") is True:
        return True
    is_entra = urlsplit(issuer).hostname in ENTRA_HOSTS
    return is_entra and "email_verified" not in claims and claims.get("xms_edov") in (True, "1", "true")


def _why_no_role(claims: Mapping[str, Any]) -> str:
    """Beyond about 200 groups Entra ID sends a marker instead of them: that is its settings' fault, not the person's."""
    names = claims.get("_claim_names")
    left_out = isinstance(names, dict) and settings.OIDC_GROUPS_CLAIM in names
    marked = left_out or claims.get("hasgroups") in (True, "true")
    missing = settings.OIDC_GROUPS_CLAIM not in claims
    return "groups_left_out" if missing and marked else "no_group"


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""


def _words(value: Any) -> Iterable[str]:
    """Groups come as a list, or as one string from providers with a single group; anything else is no group."""
    if isinstance(value, str):
        return [value]
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
