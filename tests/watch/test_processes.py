"""In real processes: the web notices that no worker lives, and no mail server keeps a worker from ending."""

import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.mail_server import MailServer
from tests.support.processes import Installation, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def worker_age(installation: Installation) -> int | None:
    """The age of the last completed round, as the web knows it."""
    age: int | None = requests.get(f"{installation.url}/readyz", timeout=10).json()["checks"]["worker"][
        "age_s"
    ]
    return age


def test_a_web_without_worker_mails_it_and_its_end_whatever_the_mail_server_did(
    new_installation: Callable[..., Installation], mail_server: MailServer
) -> None:
    mail_server.mood = "hang"
    installation = new_installation(
        EMAIL_URL=f"smtp://127.0.0.1:{mail_server.port}",
        EMAIL_TIMEOUT_SECONDS="30",
        ALERT_EMAILS="boss@firm.example",
        SITE_URL="https://deals.firm.example",
        ALERT_NO_WORKER_SECONDS="12",
        METRICS_TOKEN="letmein-1234",
    )
    wait_until(lambda: worker_age(installation) is not None, installation.processes["worker"])
    installation.kill("worker")

    wait_until(lambda: mail_server.connections > 0, installation.processes["web"])
    numbers = requests.get(
        f"{installation.url}/metrics", headers={"Authorization": "Bearer letmein-1234"}, timeout=10
    ).text
    assert (worker_age(installation) or 0) >= 1
    assert 'slantweb_alert_open_seconds{cause="no_worker"}' in numbers
    assert "alert no_worker opened" in installation.processes["web"].said()
    assert mail_server.messages == []

    # The web is held up by the hanging server; a worker takes the mail over, and ends at once while it hangs.
    worker = installation.start_worker()
    wait_until(lambda: "alert no_worker closed" in installation.logs(), worker)
    started = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - started < 8
