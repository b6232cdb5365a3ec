"""Sign-on: what a provider claims of somebody becomes an identity with roles. Nothing here asks a network or a database.

A person is the provider's `iss` and their `sub`, never the e-mail (OpenID Connect Core 5.7): an address can be given to
somebody else. A verified e-mail only links them to their place in Slant's books.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from opportunities.actions.people import Identity
from opportunities.models import Person, Role


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
        if not value or len(value) > 255:
            raise ClaimsRefused(f"the claim {name} is missing or too long")
    email = _text(claims, "email").lower() if claims.get("email_verified") is True else ""
    name = _text(claims, "name") or _text(claims, "preferred_username")
    return Identity(issuer, subject, email, name[:200], roles_of(claims, email))


def roles_of(claims: Mapping[str, Any], verified_email: str = "") -> tuple[str, ...]:
    """The roles of the claimed groups, and of the e-mail lists for providers that send no groups."""
    groups = set(_words(claims.get(settings.OIDC_GROUPS_CLAIM)))
    return tuple(
        role.value
        for role in Role
        if groups & set(settings.OIDC_GROUPS[role.value])
        or (verified_email and verified_email in settings.OIDC_EMAILS[role.value])
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""


def _words(value: Any) -> Iterable[str]:
    """Groups come as a list, or as one string from providers with a single group; anything else is no group."""
    if isinstance(value, str):
        return [value]
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
