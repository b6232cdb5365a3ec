"""The interface between the pages of signing in and out and company sign-on.

The application does not know how a provider is asked: `settings.SIGN_ON` names the class that does
(`slantweb/sign_on.py`), as AUTHENTICATION_BACKENDS names the class that finds the person of a session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from opportunities.actions.people import Identity


class SignInRefused(Exception):
    """The provider refused, or its answer failed a check.

    `code` says why, for the log and the trail; no text repeats a value of the answer. `next` is the page that
    the person wanted, if known.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.next = ""


class ProviderUnreachable(SignInRefused):
    """The provider does not answer, or its answer is not valid. Nobody can sign in meanwhile."""

    def __init__(self, code: str = "provider_unreachable") -> None:
        super().__init__(code)


@dataclass(frozen=True)
class SignInResult:
    """The person whom the provider confirmed, and the page they go to.

    `session` is the data to keep in their session. `is_renewal`: they were signed in already.
    """

    identity: Identity
    next: str
    is_renewal: bool = False
    session: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LogoutNotice:
    """What the provider ends: the sessions of its person `sub`, its session `sid`, or the one of both.

    It may be used once: `jti` is its number, which must be remembered for `seconds`.
    """

    iss: str
    sub: str
    sid: str
    jti: str
    seconds: int


class Provider(Protocol):
    def origins(self) -> list[str]:
        """The origins that the sign-in form redirects to, for its content security policy. Raises
        `ProviderUnreachable`.
        """

    def begin(self, request: HttpRequest, *, next: str) -> HttpResponse:
        """The redirect to the provider. Raises `ProviderUnreachable`."""

    def finish(self, request: HttpRequest) -> SignInResult:
        """Check the provider's answer, and return the person. Raises `SignInRefused`."""

    def read_logout(self, token: str) -> LogoutNotice:
        """What a logout token says. Raises `SignInRefused`."""

    def sign_out_hint(self, request: HttpRequest) -> str:
        """What `sign_out_url` needs of this session, to be read before the session is ended."""

    def sign_out_url(self, request: HttpRequest, hint: str) -> str:
        """The provider's own sign-out page, or "" where it has none."""


def provider() -> Provider:
    instance: Provider = import_string(settings.SIGN_ON)()
    return instance
