"""What a real gunicorn of several processes measures and logs."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.support.processes import Installation, wait_until
from tests.support.visitor import Visitor

TOKEN = "numbers-for-the-scraper"


def numbers(installation: Installation) -> dict[str, float]:
    answer = requests.get(
        f"{installation.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10
    )
    assert answer.status_code == 200
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def web_processes(installation: Installation) -> list[int]:
    web = installation.processes["web"].popen.pid
    return [int(pid) for pid in Path(f"/proc/{web}/task/{web}/children").read_text().split()]


def log_lines(installation: Installation) -> list[dict[str, object]]:
    said = installation.processes["web"].said().splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


@pytest.fixture
def measured(new_installation: Callable[..., Installation]) -> Installation:
    return new_installation(WEB_CONCURRENCY="2", METRICS_TOKEN=TOKEN)


def test_requests_of_all_processes_are_added_up_and_a_dead_process_takes_none_of_them_along(
    measured: Installation,
) -> None:
    count = 'slantweb_request_seconds_count{status="2xx",view="submissions"}'
    before = numbers(measured).get(count, 0)
    visitor = Visitor(measured.url)
    for _ in range(20):
        # A connection of its own, so that both processes answer some.
        visitor.session.get(f"{measured.url}/submissions/", headers={"Connection": "close"}, timeout=20)
    after = {numbers(measured)[count] for _ in range(5)}
    assert after == {before + 20}

    victim, other = web_processes(measured)
    measured_most = numbers(measured).get('slantweb_database_pool{state="most"}')
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in web_processes(measured) and len(web_processes(measured)) == 2)

    assert other in web_processes(measured)
    later = numbers(measured)
    assert later[count] == before + 20
    # SQLite has no pool.
    assert (measured_most is not None) == bool(os.environ.get("TEST_DATABASE_URL"))
    if measured_most is not None:
        assert later['slantweb_database_pool{state="most"}'] <= measured_most
    # Calls to Slant are counted by the worker, which stores them at the end of its round.
    assert later['slantweb_slant_calls_total{outcome="ok"}'] > 0
    assert later["slantweb_failed_rounds_total"] == 0


def test_polls_and_probes_are_not_logged_and_a_forged_host_is_one_warning(measured: Installation) -> None:
    visitor = Visitor(measured.url)
    for path in ("/healthz", "/readyz", "/metrics"):
        token = {"Authorization": f"Bearer {TOKEN}"}
        assert requests.get(f"{measured.url}{path}", headers=token, timeout=10).status_code == 200
    polled = visitor.session.get(f"{measured.url}/freshness/", headers={"X-Poll": "1"}, timeout=10)
    assert polled.status_code in (200, 204, 304)
    visitor.session.get(f"{measured.url}/submissions/", timeout=20)
    forged = requests.get(f"{measured.url}/board/", headers={"Host": "evil.example"}, timeout=10)
    assert forged.status_code == 400
    time.sleep(0.2)

    lines = log_lines(measured)
    paths = [line["path"] for line in lines if line["message"] == "request"]
    assert "/submissions/" in paths
    assert not {"/healthz", "/readyz", "/metrics", "/freshness/"} & set(paths)
    about = [line for line in lines if "evil.example" in json.dumps(line)]
    assert [(line["levelname"], line["name"]) for line in about] == [
        ("WARNING", "django.security.DisallowedHost")
    ]
    assert "exc_info" not in about[0]
    assert "Traceback" not in measured.processes["web"].said()
    refused = [line for line in lines if line.get("status") == 400]
    assert [line["address"] for line in refused] == ["127.0.0.1"]


def test_log_level_holds_for_the_application_and_for_gunicorn(
    new_installation: Callable[..., Installation],
) -> None:
    installation = new_installation(LOG_LEVEL="WARNING")
    Visitor(installation.url).session.get(f"{installation.url}/submissions/", timeout=20)

    for name in ("web", "worker"):
        assert not re.search(r'"levelname": "(INFO|DEBUG)"', installation.processes[name].said()), name
