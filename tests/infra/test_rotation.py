"""docs/operations.md, "Changing a secret": each in turn, while somebody reads pages and no request fails."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.processes import Installation, Process, Template, wait_until
from tests.support.visitor import Visitor

NEW_KEY = "7fK2p9Xw4Lq8Zr1Vb6Nc3Mt5Hy0GjDsAeUoIiQwErTy"


class WithOpenDoor(Installation):
    """The socket of the web belongs to the test, as systemd's does, and stays open while the web restarts."""

    door: socket.socket | None = None

    def start_web(self) -> Process:
        if self.door is None:
            self.door = socket.create_server(("127.0.0.1", self.port), backlog=256)
        command = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py"]
        command += ["--bind", f"fd://{self.door.fileno()}"]
        web = Process("web", command, self.web_environment, self.home / "web.log", [self.door.fileno()])
        self.processes["web"] = web
        return web

    def change(self, *names: str, **settings: str) -> None:
        """What `systemctl restart` of these processes does after a change."""
        self.settings |= settings
        for name in names:
            self.processes.pop(name).stop(timeout=40)
            self.start_worker() if name == "worker" else self.start_web()
        wait_until(self._ready, *self.processes.values())


class Reader(threading.Thread):
    """Somebody who is signed in and reads pages all the time."""

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(daemon=True)
        self.visitor, self.answers, self.done = visitor, list[str](), threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.1):
            try:
                answer = self.visitor.session.get(
                    f"{self.visitor.base}/submissions/",
                    allow_redirects=False,
                    timeout=60,
                    headers={"Connection": "close"},
                )
                self.answers.append(str(answer.status_code))
            except requests.RequestException as problem:
                self.answers.append(type(problem).__name__)


@pytest.fixture
def serving(installation_template: Template, tmp_path: Path) -> Iterator[WithOpenDoor]:
    token = tmp_path / "metrics_token"
    token.write_text("numbers-of-before")
    with WithOpenDoor(
        tmp_path / "home", installation_template, METRICS_TOKEN_FILE=str(token)
    ) as installation:
        yield installation
    if installation.door:
        installation.door.close()


def scrape(installation: Installation, token: str) -> int:
    header = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{installation.url}/metrics", headers=header, timeout=60).status_code


@pytest.mark.slow
def test_each_secret_is_changed_while_pages_are_read_and_no_request_fails(serving: WithOpenDoor) -> None:
    visitor = Visitor(serving.url)
    open_form = visitor.form()
    reader = Reader(visitor)
    reader.start()

    # The key of sessions and forms: the workers first.
    before = serving.environment["SECRET_KEY"]
    serving.change("worker", "web", SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=before)
    first = visitor.send(open_form)
    visitor.waits_for(first, "confirmed")

    # The token of Slant: another one of the same owner.
    serving.change("worker", SLANT_API_TOKEN="slnt_pat_sandbox_observer")
    second = visitor.send(visitor.form(name="The second deal", value="1000"))
    visitor.waits_for(second, "confirmed")

    # The key that signs the trail: the old public line stays, and everything is still proven.
    key = serving.home / "audit-signing-key"
    old = key.with_name("audit-signing-key.pub").read_text().split()
    key.unlink()
    serving.change("worker", EMAIL_URL="smtp+tls://user:another@127.0.0.1:9")
    third = visitor.send(visitor.form(name="The third deal", value="2000"))
    visitor.waits_for(third, "confirmed")
    assert key.with_name("audit-signing-key.pub").read_text().split()[: len(old)] == old
    serving.manage("verify_audit")

    # The token of /metrics, by the file that the variable names; a reload reads it anew.
    Path(serving.settings["METRICS_TOKEN_FILE"]).write_text("numbers-of-after")
    assert scrape(serving, "numbers-of-after") == 401
    os.kill(serving.processes["web"].popen.pid, signal.SIGHUP)
    wait_until(lambda: scrape(serving, "numbers-of-after") == 200, serving.processes["web"])
    time.sleep(1)

    reader.done.set()
    reader.join(60)
    assert len(reader.answers) > 20
    assert set(reader.answers) == {"200"}
    assert len(serving.sandbox.created()) == 3
