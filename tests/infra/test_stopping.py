"""SIGTERM: a worker finishes the exchange it is in, sends nothing more, and ends."""

import time
from collections.abc import Callable

import pytest

from tests.support.processes import Installation, wait_until
from tests.support.visitor import Visitor

pytestmark = pytest.mark.process
DEALS = 12


def test_a_worker_with_much_to_do_ends_after_its_exchange_and_leaves_the_rest(
    new_installation: Callable[..., Installation],
) -> None:
    installation = new_installation(SYNC_SECONDS="3600")
    visitor = Visitor(installation.url)
    installation.manage("hold", "--reason", "until all are entered")
    addresses = [visitor.send(visitor.form(name=f"Deal {number}")) for number in range(DEALS)]
    installation.sandbox.control(latency_ms=1500)
    installation.manage("release")
    wait_until(
        lambda: bool(installation.sandbox.ledger(kind="request", method="POST")),
        *installation.processes.values(),
    )

    began = time.monotonic()
    code = installation.processes.pop("worker").stop(timeout=30)
    took = time.monotonic() - began

    assert code == 0
    assert took < 10
    states = [visitor.state(address) for address in addresses]
    sent = len(installation.sandbox.ledger(kind="request", method="POST"))
    assert sent < DEALS
    assert states.count("confirmed") == sent
    assert states.count("queued") == DEALS - sent
