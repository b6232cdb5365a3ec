"""WebKitGTK, which stands for Safari, driven over WebDriver; Playwright has no build for Debian."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support import provision
from tests.support.processes import Process, wait_until

PATIENCE_SECONDS = 60


class WebKit:
    """One window. Tests use it through JavaScript, which is enough to measure a page."""

    def __init__(self, driver: str) -> None:
        self._driver = driver
        session = self._call("POST", "/session", capabilities={})
        self._session = f"/session/{session['sessionId']}"

    def resize(self, width: int, height: int) -> None:
        self._call("POST", f"{self._session}/window/rect", width=width, height=height)

    def goto(self, url: str) -> None:
        self._call("POST", f"{self._session}/url", url=url)

    def evaluate(self, function: str) -> Any:
        """What a function of JavaScript returns, such as `() => location.pathname`."""
        script = f"return ({function})()"
        return self._call("POST", f"{self._session}/execute/sync", script=script, args=[])

    def close(self) -> None:
        self._call("DELETE", self._session)

    def _call(self, method: str, path: str, **values: Any) -> Any:
        url = f"{self._driver}{path}"
        answer = requests.request(method, url, json=values or None, timeout=PATIENCE_SECONDS)
        value = answer.json()["value"]
        assert answer.ok, value
        return value


@contextmanager
def webkit(home: Path) -> Iterator[WebKit]:
    """A window of WebKitGTK on a separate X screen. The logs of both go to `home`."""
    driver, xvfb = provision.webkit(install=False)
    port, display = provision.free_port(), home / "display"
    # Xvfb chooses a free number and writes it to its output.
    command = [xvfb, "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    screen = Process("xvfb", command, dict(os.environ), display)
    browser: Process | None = None
    try:
        wait_until(lambda: display.read_text().endswith("\n"), screen)
        environment = os.environ | {"DISPLAY": f":{display.read_text().strip()}"}
        browser = Process("webkit", [driver, f"--port={port}"], environment, home / "webkit.log")
        wait_until(lambda: _listens(port), browser)
        window = WebKit(f"http://127.0.0.1:{port}")
        yield window
        window.close()
    finally:
        for process in (browser, screen):
            if process:
                process.kill()


def _listens(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/status", timeout=5).ok
    except requests.ConnectionError:
        return False
