"""A firm of some three hundred deals, and people who look at them without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from opportunities.models import Person
from tests.support.firm import LoadedFirm, load_firm
from tests.support.people import Firm

Browse = Callable[[Person], Client]


@pytest.fixture
def browse() -> Browse:
    def signed_in(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return signed_in


@pytest.fixture
def loaded(firm: Firm) -> LoadedFirm:
    return load_firm(deals=300, firm=firm)


@pytest.fixture(autouse=True)
def _nobody_waits(settings: Any) -> None:
    """Turn off waiting, because no worker runs here."""
    settings.VIEW_WAIT_SECONDS = 0
