"""A firm with company sign-on, and a browser without scripts that goes to its provider and back."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import caches
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from opportunities.models import AuditEvent
from tests.sign_on.forger import CLIENT_ID, SECRET, Forger


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Keys and discovery live in the memory of the process."""
    caches["process"].clear()


@pytest.fixture(scope="session")
def one_forger() -> Iterator[Forger]:
    forger = Forger()
    yield forger
    forger.close()


@pytest.fixture
def forger(one_forger: Forger, settings: Settings) -> Forger:
    """The provider the application is configured for."""
    one_forger.reset()
    settings.DEMO = False
    settings.OIDC_ISSUER = one_forger.issuer
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT_ID, SECRET
    settings.OIDC_SCOPES, settings.OIDC_IS_LOOPBACK = ["openid", "email", "profile"], True
    settings.OIDC_GROUPS_CLAIM = "groups"
    settings.OIDC_GROUPS = {
        "sales": ["crm-sales"],
        "manager": ["crm-leads"],
        "compliance": ["crm-compliance"],
    }
    settings.OIDC_EMAILS = {"sales": [], "manager": [], "compliance": []}
    return one_forger


class Visitor:
    """A browser, as far as signing in needs one."""

    def __init__(self, forger: Forger) -> None:
        self.forger = forger
        self.client = Client()
        self.state = ""
        self.codes = 0

    def begin(self, next: str = "/submissions/") -> HttpResponse:
        response = self.client.post("/sign-in/", {"next": next})
        if response.status_code == 302:
            self.state = self.forger.begun(response["Location"])
        return response

    def come_back(self, **query: Any) -> HttpResponse:
        """To the callback, with a fresh code and the right state if `query` has none; None leaves one out."""
        self.codes += 1
        honest = {"code": f"code-{id(self)}-{self.codes}", "state": self.state}
        sent = {name: value for name, value in (honest | query).items() if value is not None}
        return self.client.get(f"/sign-in/callback/?{urlencode(sent)}")

    def sign_in(
        self, *, next: str = "/submissions/", more: dict[str, Any] | None = None, **claims: Any
    ) -> HttpResponse:
        self.begin(next)
        self.forger.answer_with(self.forger.token(**claims), **(more or {}))
        return self.come_back()

    @property
    def is_in(self) -> bool:
        return "_auth_user_id" in self.client.session


@pytest.fixture
def visitor(db: None, forger: Forger) -> Visitor:
    return Visitor(forger)


@pytest.fixture
def another(db: None, forger: Forger) -> Visitor:
    return Visitor(forger)


@pytest.fixture
def events(db: None) -> Callable[[], list[tuple[str, str]]]:
    """What the trail holds: action and reason, in order."""
    return lambda: list(AuditEvent.objects.order_by("seq").values_list("action", "reason_code"))
