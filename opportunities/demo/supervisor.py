"""`make run`: the whole demo in one terminal, until it is told to stop."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from typing import NoReturn

from django.conf import settings

from opportunities.delivery import restore_guard
from opportunities.demo import history
from opportunities.demo.child import Child
from opportunities.demo.make_parent import make_parent, was_interrupted
from opportunities.demo.ports import choose_control_port, record_control_url, why_not_free
from opportunities.demo.preparation import ask_readiness, collect_static, heartbeats, migrate

# Together below the ten seconds that are promised between a signal and the end of the last child.
STOP_SECONDS = 6.0
SANDBOX_STOP_SECONDS = 2.0
# Enough that a month of the demo's past decides ten deals.
DEALS = 400
# The children of a demo that was killed may hold a port for a moment.
PORT_PATIENCE_SECONDS = 2.0


class Stopped(Exception):
    """A signal asked the demo to end."""


class Supervisor:
    """Starts the processes of the demo, watches them, and ends them together."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        # `prepare()` wrote this file before the settings loaded. It names a Slant only if nothing else does.
        self.sandboxed = "SLANT_BASE_URL=" in (settings.VAR_DIR / "demo.env").read_text()
        self.make = make_parent()
        self.beats: set[tuple[str, datetime]] = set()

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM. Exit code 2: it cannot start; 1: a process ended by itself."""
        if self.sandboxed and find_spec("ninja") is None:
            _give_up(
                "The sandbox's packages are not installed here. Use `make run`, which installs them, or name "
                "another Slant in SLANT_BASE_URL."
            )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _raise_stopped)
        try:
            with self._lock():
                self._check_ports()
                try:
                    self._start()
                    self._wait_until_ready()
                    self._announce()
                    while True:
                        self._check_children()
                        time.sleep(0.2)
                finally:
                    for number in (signal.SIGINT, signal.SIGTERM):
                        signal.signal(number, signal.SIG_IGN)
                    self._stop_children()
        except Stopped:
            pass

    def _announce(self) -> None:
        slant = f"{settings.SLANT_BASE_URL}, sandbox" if self.sandboxed else settings.SLANT_BASE_URL
        print(f"Slantweb ready: http://127.0.0.1:{settings.PORT}/ (Slant: {slant})", flush=True)

    # Before anything starts

    @contextmanager
    def _lock(self) -> Iterator[None]:
        (settings.VAR_DIR / "log").mkdir(exist_ok=True)
        with open(settings.VAR_DIR / "demo.lock", "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _give_up(
                    f"Another `make run` is using {settings.VAR_DIR}. "
                    "Stop it, or set VAR_DIR to another place."
                )
            yield

    def _check_ports(self) -> None:
        ports = {"PORT": settings.PORT}
        if self.sandboxed:
            ports["SANDBOX_PORT"] = settings.SANDBOX_PORT
            if settings.PORT == settings.SANDBOX_PORT:
                _give_up(f"PORT and SANDBOX_PORT are both {settings.PORT}. Set one of them to another port.")
        patience = time.monotonic() + PORT_PATIENCE_SECONDS
        for variable, port in ports.items():
            while problem := why_not_free(port):
                if time.monotonic() > patience:
                    free = f"for example {variable}={port + 10 if 1024 <= port < 65_000 else 8010} make run"
                    _give_up(f"Port {port} {problem}. Set {variable} to a free one, {free}.")
                time.sleep(0.1)

    # Starting

    def _start(self) -> None:
        inherited = dict(os.environ)
        without_secrets = {
            name: value
            for name, value in inherited.items()
            if name.removesuffix("_FILE") not in ("SECRET_KEY", "SLANT_API_TOKEN")
        }
        if self.sandboxed:
            # The switches get a port of their own, so that "Slant is down" really refuses connections.
            control = choose_control_port()
            state = settings.VAR_DIR / "sandbox.jsonl"
            is_new_world = not state.exists()
            command = ["-m", "opportunities.sandbox", "--port", str(settings.SANDBOX_PORT)]
            command += ["--control-port", str(control), "--state", str(state)]
            command += ["--past", "--opportunities", str(DEALS)]
            self._add("sandbox", command, without_secrets)
            inherited |= {"SANDBOX_CONTROL_URL": f"http://127.0.0.1:{control}"}
            record_control_url(inherited["SANDBOX_CONTROL_URL"])
        migrate()
        if wrong := restore_guard.other_slant_message():
            _give_up(wrong)
        if self.sandboxed and is_new_world and history.has_none():
            self._wait_for_sandbox()
            history.live_through()
        self.beats = heartbeats()
        self._add("worker", ["manage.py", "work"], inherited)
        collect_static()
        # Empty rather than absent: an absent variable would be read again from .env or demo.env.
        self._add("web", _web_command(), inherited | {"SLANT_API_TOKEN": "", "SLANT_API_TOKEN_FILE": ""})

    def _wait_for_sandbox(self) -> None:
        while not self._sandbox_is_ready():
            self._check_children()
            time.sleep(0.05)

    def _add(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        log = settings.VAR_DIR / "log" / f"{name}.log"
        self.children.append(Child(name, command, environment | {"PYTHONUNBUFFERED": "1"}, log))

    def _wait_until_ready(self) -> None:
        report_at = time.monotonic() + 30
        while True:
            self._check_children()
            status, checks = ask_readiness()
            if status == 200 and self._processes_are_ready():
                return
            if time.monotonic() > report_at:
                report_at += 30
                logs = settings.VAR_DIR / "log"
                print(
                    f"Not ready yet: {checks or 'no answer'}. The logs are in {logs}.",
                    file=sys.stderr,
                    flush=True,
                )
            time.sleep(0.25)

    def _processes_are_ready(self) -> bool:
        """Whether sandbox and worker are ready too: after a restart the web is, from an earlier sync."""
        return self._sandbox_is_ready() and heartbeats() != self.beats

    def _sandbox_is_ready(self) -> bool:
        sandboxes = [child for child in self.children if child.name == "sandbox"]
        return all("Sandbox ready" in child.output() for child in sandboxes)

    # Running and stopping

    def _check_children(self) -> None:
        if self.make and was_interrupted(self.make):
            raise Stopped
        for child in self.children:
            code = child.process.poll()
            if code is not None:
                _give_up(
                    f"The {child.name} process ended by itself (exit {code}), so everything was stopped. "
                    f"The end of {child.log}:\n{child.last_lines()}",
                    code=1,
                )

    def _stop_children(self) -> None:
        # The sandbox last, so that the worker can finish what it is sending.
        deadline = time.monotonic() + STOP_SECONDS
        others_than_sandbox = [child for child in self.children if child.name != "sandbox"]
        for child in others_than_sandbox:
            child.terminate()
        for child in others_than_sandbox:
            child.ensure_ended(deadline)
        for child in self.children:
            if child.name == "sandbox":
                child.terminate()
                child.ensure_ended(time.monotonic() + SANDBOX_STOP_SECONDS)


def _web_command() -> list[str]:
    return [
        *("-m", "gunicorn", "--config", str(settings.BASE_DIR / "deploy" / "gunicorn.conf.py")),
        *("--bind", f"127.0.0.1:{settings.PORT}", "--workers", "1"),
        *("--graceful-timeout", "3", "--log-level", "warning"),
    ]


def _raise_stopped(*_: object) -> NoReturn:
    raise Stopped


def _give_up(message: str, code: int = 2) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)
