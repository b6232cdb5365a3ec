"""Real processes, real sockets, kill -9: at each crash point one deal, two workers, on either database."""

import contextlib
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.faults.sweep import CRASHES
from tests.support.processes import Installation, Process, Template
from tests.support.visitor import Visitor

pytestmark = pytest.mark.process
WAITS = {
    "SLANT_TIMEOUT_SECONDS": "3",
    "QUIET_SECONDS": "2",
    "SCAN_GAP_SECONDS": "0.5",
    "LOOK_AFTER_SECONDS": "0.5,1,1",
    "SYNC_SECONDS": "3600",
}
WORKERS = ("worker", "worker 2")
LONG = 150


class Fragile(Installation):
    """Processes that die where the name of a deal says; dead workers are started again, as by systemd."""

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        crashes = self.home / "crashes"
        crashes.mkdir(exist_ok=True)
        armed = ["-m", "tests.faults.crashing", *command]
        return super()._start(name, armed, environment | {"CRASH_DIR": str(crashes)})

    def struck(self, point: str) -> int | None:
        """The process that a crash point struck."""
        mark = self.home / "crashes" / point
        return int(mark.read_text()) if mark.exists() and mark.read_text() else None

    def keep_up(self) -> None:
        for name in WORKERS:
            if not self.processes[name].alive:
                self.start_worker(name)


@pytest.fixture
def fragile(request: pytest.FixtureRequest, installation_template: Template, tmp_path: Path) -> Any:
    with Fragile(tmp_path / "home", installation_template, **WAITS) as installation:
        installation.start_worker(WORKERS[1])
        yield installation
        if request.session.testsfailed:
            print(installation.logs())


def rooms(installation: Installation) -> list[dict[str, str]]:
    """What the form says of the household: one for each deal, so that none is similar to another."""
    token = {"Authorization": "Bearer slnt_pat_sandbox_write"}
    answer = requests.get(
        f"{installation.slant_url}/households?per_page=100", headers=token, timeout=10
    ).json()
    rows = next(value for value in answer.values() if isinstance(value, list))
    kinds = {
        "Prospect": {"pipeline_id": "pl_newbiz", "pipeline_stage_id": "st_qual"},
        "Client": {"pipeline_id": "pl_growth", "pipeline_stage_id": ""},
    }
    return [
        {"household_id": row["id"]} | kinds[row["type"]]
        for row in rows
        if row["book_id"] == "bk_pine01" and row["type"] in kinds
    ]


def press(visitor: Visitor, form: dict[str, str]) -> str:
    """Press the button, and again while the page does not come: the process behind it was killed."""
    deadline = time.monotonic() + LONG
    while True:
        try:
            return visitor.send(form)
        except (requests.RequestException, AssertionError):
            assert time.monotonic() < deadline
            time.sleep(0.3)


def await_strike(installation: Fragile, point: str) -> None:
    """One death after the other: the process that one deal kills must not take another's strike with it."""
    deadline = time.monotonic() + LONG
    while installation.struck(point) is None:
        assert time.monotonic() < deadline, f"{point} was never come to\n{installation.logs()}"
        installation.keep_up()
        time.sleep(0.1)
    installation.keep_up()


def settle(installation: Fragile, visitor: Visitor, addresses: dict[str, str]) -> None:
    """Wait until every page says "confirmed", starting again whatever died."""
    deadline, waiting = time.monotonic() + LONG, dict(addresses)
    while waiting:
        installation.keep_up()
        for name, address in list(waiting.items()):
            with contextlib.suppress(requests.RequestException, AssertionError):
                if visitor.state(address) == "confirmed":
                    del waiting[name]
        assert time.monotonic() < deadline, f"not settled: {waiting}\n{installation.logs()}"
        time.sleep(0.2)


def test_killed_at_every_crash_point_each_deal_is_in_slant_exactly_once(fragile: Fragile) -> None:
    visitor = Visitor(fragile.url)
    points = [point for point in CRASHES if point.startswith("C")]
    room = iter(rooms(fragile))
    addresses = {}
    for point in points:
        addresses[point] = press(visitor, visitor.form(name=f"{point} deal", **next(room)))
        await_strike(fragile, point)
    settle(fragile, visitor, addresses)

    assert [point for point in points if fragile.struck(point) is None] == []

    # Last, for a stopped process may hold what others need: one stopped by SIGSTOP with the answer in its
    # hands.
    frozen_deal = press(visitor, visitor.form(name="Z deal", **next(room)))
    settle(fragile, visitor, {"Z": frozen_deal})
    sleeper = fragile.struck("Z")
    assert sleeper is not None
    os.kill(sleeper, signal.SIGCONT)
    time.sleep(1.5)

    assert visitor.state(frozen_deal) == "confirmed"
    made = Counter(record["name"].split()[0] for record in fragile.sandbox.created())
    assert made == Counter([*points, "Z"])
    assert "good" in fragile.manage("verify_audit").lower()
