"""A sandbox in its own process, for any test that needs Slant on the other side of a real socket.

    with SandboxProcess() as sandbox:             # or sandbox.start(opportunities=0) ... sandbox.stop()
        client = Client(sandbox.base_url, sandbox.token)
        sandbox.control(faults=[{"method": "POST", "path": "/v1/opportunities", "kind": "hang", "times": 1}])
        ...
        assert len(sandbox.ledger(kind="write")) == 1

It speaks plain `http.client`, so that a test which replaces or forbids `requests` can still ask it.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 40.0

WRITE_TOKEN = "slnt_pat_sandbox_write"
READ_TOKEN = "slnt_pat_sandbox_read"
OBSERVER_TOKEN = "slnt_pat_sandbox_observer"


class SandboxProcess:
    """`base_url` ends in /v1. `control_url` is another port, which stays up while `up: false`."""

    token = WRITE_TOKEN
    read_token = READ_TOKEN
    observer_token = OBSERVER_TOKEN

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.port = 0
        self.control_port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}/_control"

    def start(
        self,
        *,
        port: int = 0,
        control_port: int = 0,
        opportunities: int | None = None,
        switches: dict[str, str] | None = None,
        faults: tuple[str, ...] = (),
        state: Path | None = None,
    ) -> str:
        """Start it, wait until it listens, return its base URL. Port 0: a free one."""
        command = [sys.executable, "-m", "opportunities.sandbox"]
        command += ["--port", str(port), "--control-port", str(control_port)]
        if state is not None:
            command += ["--state", str(state)]
        if opportunities is not None:
            command += ["--opportunities", str(opportunities)]
        for name, value in (switches or {}).items():
            command += ["--switch", f"{name}={value}"]
        for fault in faults:
            command += ["--fault", fault]
        # Another Django's settings must not leak in; nothing else of the environment matters to it.
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        self.port = self._announced("Sandbox ready: ")
        self.control_port = self._announced("Sandbox control: ")
        return self.base_url

    def _announced(self, words: str) -> int:
        """The port out of the next line the process prints."""
        assert self.process is not None
        assert self.process.stdout is not None
        patience = threading.Timer(READY_WITHIN_S, self.process.kill)  # a dead process ends the line
        patience.start()
        line = self.process.stdout.readline()
        patience.cancel()
        if not line.startswith(words):
            self.stop()
            raise RuntimeError(f"the sandbox did not start: {line!r}")
        return int(line.rpartition(":")[2].partition("/")[0])

    def control(self, **changes: Any) -> dict[str, Any]:
        """Change what is named (nothing: just look) and answer the whole setting."""
        return self._own("POST", "/_control", changes) if changes else self._own("GET", "/_control")

    def reset(self) -> None:
        """Back to how it started: records, keys, buckets, settings, ledger."""
        self.control(reset="all")

    def ledger(self, after: int = 0, **filters: Any) -> list[dict[str, Any]]:
        """Entries after a number; filters: kind, method, path, limit."""
        answer = self._own("GET", "/_ledger?" + urlencode({"after": after, **filters}))
        entries: list[dict[str, Any]] = answer["entries"]
        return entries

    def last_seq(self) -> int:
        answer = self._own("GET", "/_ledger?limit=1")
        return int(answer["last_seq"])

    def writes(self, **filters: Any) -> list[dict[str, Any]]:
        """What was written, whoever asked for it."""
        return self.ledger(kind="write", **filters)

    def wait_for(self, count: int, within_s: float = 5.0, **filters: Any) -> list[dict[str, Any]]:
        """Entries, once there are `count` of them and no request among them is still open."""
        deadline = time.monotonic() + within_s
        while True:
            entries = self.ledger(**filters)
            if len(entries) >= count and all(entry.get("answered", True) is not None for entry in entries):
                return entries
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {count} entries, have {entries}")
            time.sleep(0.02)

    def wait_for_open(self, count: int, within_s: float = 5.0) -> None:
        """Return once `count` requests have been read and are not finished yet."""
        deadline = time.monotonic() + within_s
        while sum(entry["answered"] is None for entry in self.ledger(kind="request")) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"waited for {count} open requests, have {self.ledger()}")
            time.sleep(0.02)

    def get(self, path: str, token: str = OBSERVER_TOKEN) -> tuple[int, Any]:
        """Look at Slant's side, by default as the observer, whose calls are not counted."""
        return self.request("GET", path, token=token)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = WRITE_TOKEN,
        key: str | None = None,
    ) -> tuple[int, Any]:
        """One request on a fresh connection; answers status and JSON (text if it is not JSON)."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        raw = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            raw = json.dumps(body).encode()
        return _exchange(self.port, method, "/v1" + path, raw, headers)

    def _own(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        raw = None if body is None else json.dumps(body).encode()
        status, answer = _exchange(self.control_port, method, path, raw, {"Content-Type": "application/json"})
        if status != 200:
            raise AssertionError(f"{method} {path} answered {status}: {answer}")
        found: dict[str, Any] = answer
        return found

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        if self.process is not None:
            self.process.kill()
        self.stop()

    def stop(self) -> int | None:
        """End it and answer its exit code; harmless when it has ended already."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.terminate()
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return code

    def __enter__(self) -> SandboxProcess:
        if self.process is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _exchange(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        raw = response.read()
    finally:
        connection.close()
    try:
        return response.status, json.loads(raw)
    except ValueError:
        return response.status, raw.decode(errors="replace")
