"""What the pages of coming in and going out ask of company sign-on, and what it may answer.

The application does not know how a provider is spoken to: `settings.SIGN_ON` names the class that does
(`slantweb/sign_on.py`), as AUTHENTICATION_BACKENDS names who finds the person of a session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from opportunities.actions.people import Identity


class NotVouched(Exception):
    """The provider did not vouch for anybody, or what it said could not be believed. `code` says why.

    `next` is where they were on their way to, where that is known.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.next = ""


class Unreachable(NotVouched):
    """The provider does not answer, or not as a provider should. Nobody is let in meanwhile."""

    def __init__(self, code: str = "provider_unreachable") -> None:
        super().__init__(code)


@dataclass(frozen=True)
class Vouched:
    """Who came back from the provider. `kept` belongs into their session; `renewal`: they never left it."""

    identity: Identity
    next: str
    renewal: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    def origins(self, request: HttpRequest) -> list[str]:
        """Where the form on the sign-in page leads, for its content security policy. Raises `Unreachable`."""

    def begin(self, request: HttpRequest, *, next: str) -> HttpResponse:
        """The redirect to the provider. Raises `Unreachable`."""

    def finish(self, request: HttpRequest) -> Vouched:
        """Who came back. Raises `NotVouched` or `Unreachable`."""

    def farewell(self, request: HttpRequest) -> str:
        """Keeps for the next page what the provider needs to end its own session; before ours is ended."""

    def way_out(self, request: HttpRequest, kept: str) -> str:
        """The provider's own sign-out, from what `farewell` kept; empty when it has none."""


def provider() -> Provider:
    made: Provider = import_string(settings.SIGN_ON)()
    return made
