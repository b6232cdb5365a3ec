"""Fixtures for signing in, and for the events of the trail."""

from collections.abc import Callable

import pytest
from django.core.cache import caches
from django.test import Client

from opportunities.models import AuditEvent, Person

SignIn = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Clear what this process keeps in memory."""
    caches["process"].clear()


@pytest.fixture
def signed_in(db: None) -> SignIn:
    """A browser with a signed-in person."""

    def sign_in(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def events(db: None) -> Callable[[], list[tuple[str, str]]]:
    """The events of the trail as action and reason, in order."""
    return lambda: list(AuditEvent.objects.order_by("seq").values_list("action", "reason_code"))
