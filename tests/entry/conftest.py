"""Coming in, as the tests of this room need it."""

from collections.abc import Callable

import pytest
from django.core.cache import caches
from django.test import Client

from opportunities.models import AuditEvent, Person

SignIn = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What this process remembers is forgotten."""
    caches["process"].clear()


@pytest.fixture
def signed_in(db: None) -> SignIn:
    """A browser in which somebody is signed in."""

    def sign_in(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def events(db: None) -> Callable[[], list[tuple[str, str]]]:
    """What the trail holds: action and reason, in order."""
    return lambda: list(AuditEvent.objects.order_by("seq").values_list("action", "reason_code"))
