from collections.abc import Callable

import pytest
from pytest_django import Settings

from opportunities.models import Alert
from opportunities.watch.watcher import Watcher
from tests.support.office import Office, box, clock, office, production_waits, theo
from tests.support.slant_box import TurnedClock

__all__ = ["box", "clock", "office", "production_waits", "theo"]

Watch = Callable[..., list[str]]


def open_causes() -> list[str]:
    return sorted(Alert.objects.filter(closed_at=None).values_list("cause", flat=True))


@pytest.fixture(autouse=True)
def told(production_waits: None, settings: Settings) -> None:
    settings.SYNC_SECONDS = 60
    settings.ALERT_EMAILS = ["boss@firm.example"]
    settings.SITE_URL = "https://deals.firm.example"


@pytest.fixture
def watch(office: Office, clock: TurnedClock) -> Watch:
    """Time passes, with a round and a look every half minute; the causes that are open then."""
    watcher = Watcher("web")

    def pass_time(*, minutes: float = 0.5, rounds: bool = True) -> list[str]:
        for _ in range(int(minutes * 2)):
            clock.turn(30)
            if rounds:
                office.round()
            watcher.look_around(clock)
        return open_causes()

    return pass_time
