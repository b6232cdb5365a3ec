"""Makes an identity with roles from a provider's claims. No function here uses the network.

A person is the provider's `iss` and their `sub`, never the e-mail (OpenID Connect Core 5.7): an address can
be given to somebody else. A verified e-mail only links them to their place in Slant's books.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from opportunities.actions.people import Identity
from opportunities.email_addresses import fold_address
from opportunities.models import Person, Role
from opportunities.views.provider import SignInRefused

ENTRA_HOSTS = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
Claims = Mapping[str, object]

VERIFIED_CLAIMS = ("email_verified", "xms_edov")
EMAIL_CLAIMS = ("email", *VERIFIED_CLAIMS)


class PersonBackend(BaseBackend):
    """Finds the person of a session. There is no password to check: only `start_session` signs people in."""

    def get_user(self, user_id: str) -> Person | None:
        try:
            return Person.objects.filter(pk=user_id, is_active=True).first()
        except ValidationError:
            return None

    def authenticate(self, request: HttpRequest | None, **credentials: object) -> None:
        return None


def merge_claims(id_token: Claims, userinfo: Claims) -> dict[str, object]:
    """The ID token's claims, with those that only the userinfo answer has.

    An address and its `email_verified` always come from the same document.
    """
    if id_token and userinfo and userinfo.get("sub") != id_token["sub"]:
        raise SignInRefused("userinfo_of_somebody_else")
    claims = {name: value for name, value in userinfo.items() if name != "aud"} | dict(id_token)
    merged = {name: value for name, value in claims.items() if name not in EMAIL_CLAIMS}
    merged |= {name: value for name, value in _vouching(id_token, userinfo).items() if name in EMAIL_CLAIMS}
    merged["iss"] = settings.OIDC_ISSUER
    return merged


def _vouching(id_token: Claims, userinfo: Claims) -> Claims:
    """The document from which the address is taken: the ID token, unless it has no claim about one."""
    if "email" not in id_token:
        return userinfo
    is_silent = all(id_token.get(name) is None for name in VERIFIED_CLAIMS)
    return userinfo if is_silent and userinfo.get("email") == id_token["email"] else id_token


def identity_of(claims: Claims) -> Identity:
    """The identity in checked `claims`. Refused without `iss` or `sub`; an unverified e-mail is dropped."""
    issuer, subject = _claim_text(claims, "iss"), _claim_text(claims, "sub")
    for name, value in (("iss", issuer), ("sub", subject)):
        # Used unchanged or not at all, because a trimmed value could be another person's.
        if not value or value != claims[name] or len(value) > 255 or not value.isprintable():
            detail = f"the claim {name} is missing, too long, or not plain text"
            raise SignInRefused("claims_incomplete", detail)
    email = fold_address(_claim_text(claims, "email")) if _is_verified(claims, issuer) else ""
    name = _claim_text(claims, "name") or _claim_text(claims, "preferred_username")
    roles = roles_of(claims, email)
    # People may choose their name at the provider. A database cannot store NUL, and the trail needs one line.
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    return Identity(issuer, subject, email, name[:200], roles, "" if roles else _why_no_role(claims))


def roles_of(claims: Claims, verified_email: str = "") -> tuple[str, ...]:
    """The roles of the claimed groups, and of the e-mail lists for providers that send no groups."""
    groups = set(_claim_words(claims.get(settings.OIDC_GROUPS_CLAIM)))
    return tuple(
        role.value
        for role in Role
        if groups & set(settings.OIDC_GROUPS[role.value])
        or (verified_email and verified_email in settings.OIDC_EMAILS[role.value])
    )


def _is_verified(claims: Claims, issuer: str) -> bool:
    """Entra ID never sends `email_verified`; `xms_edov` says that the firm has proven the domain."""
    if claims.get("email_verified") is True:
        return True
    is_entra = urlsplit(issuer).hostname in ENTRA_HOSTS
    return is_entra and "email_verified" not in claims and claims.get("xms_edov") in (True, "1", "true")


def _why_no_role(claims: Claims) -> str:
    """The reason for no role. For more than about 200 groups Entra ID sends a marker, which its administrator
    must correct.
    """
    names = claims.get("_claim_names")
    is_listed = isinstance(names, dict) and settings.OIDC_GROUPS_CLAIM in names
    is_marked = is_listed or claims.get("hasgroups") in (True, "true")
    is_missing = settings.OIDC_GROUPS_CLAIM not in claims
    return "groups_left_out" if is_missing and is_marked else "no_group"


def _claim_text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""


def _claim_words(value: object) -> Iterable[str]:
    """Groups as a list of names. Some providers send one string; any other value counts as no group."""
    if isinstance(value, str):
        return [value]
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
