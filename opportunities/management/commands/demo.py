"""`make run`: the whole house in one terminal - database, static files, sandbox, worker, web - until it is
told to stop.
"""

import ctypes
import fcntl
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from opportunities.delivery import restore_guard
from opportunities.models import Heartbeat

# Together under the ten seconds we promise between a signal and the last child's end.
STOP_SECONDS = 6.0
SANDBOX_STOP_SECONDS = 2.0
# A port may still be held for a moment by the children of a demo that was killed.
PORT_PATIENCE_SECONDS = 2.0
LOG_LIMIT = 5_000_000


class Stopped(Exception):
    """Somebody asked the demo to end."""


class Child:
    """One process of the house. Its output goes to a file; it gets a session of its own, so that only we end
    it.
    """

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as out:
            self._began = out.tell()
            self.process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                [sys.executable, *command],
                cwd=settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def said(self) -> str:
        """What it wrote since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._began)
            return file.read().decode(errors="replace")

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.said().splitlines()[-count:])

    def ask_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()

    def make_sure(self, deadline: float) -> None:
        """Wait for the end until `deadline`, then end it with all it started."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Command(BaseCommand):
    help = "Serve the demo: sandbox (unless SLANT_BASE_URL names another Slant), worker and web, in the foreground."

    def handle(self, *args: Any, **options: Any) -> None:
        self.children: list[Child] = []
        # manage.py wrote this file before the settings loaded; it names a Slant only where nobody else did.
        self.sandboxed = "SLANT_BASE_URL=" in (settings.VAR_DIR / "demo.env").read_text()
        self.make = _make_above_us()
        if self.sandboxed and find_spec("ninja") is None:
            _give_up(
                "The sandbox's packages are not installed here. Use `make run`, which installs them, or name "
                "another Slant in SLANT_BASE_URL."
            )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        try:
            with self._alone():
                self._check_ports()
                try:
                    self._start()
                    self._wait_until_ready()
                    slant = (
                        f"{settings.SLANT_BASE_URL}, sandbox" if self.sandboxed else settings.SLANT_BASE_URL
                    )
                    print(f"Slantweb ready: http://127.0.0.1:{settings.PORT}/ (Slant: {slant})", flush=True)
                    while True:
                        self._look_after_children()
                        time.sleep(0.2)
                finally:
                    for number in (signal.SIGINT, signal.SIGTERM):
                        signal.signal(number, signal.SIG_IGN)
                    self._stop_children()
        except Stopped:
            pass

    # Before anything starts

    @contextmanager
    def _alone(self) -> Iterator[None]:
        (settings.VAR_DIR / "log").mkdir(exist_ok=True)
        with open(settings.VAR_DIR / "demo.lock", "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _give_up(
                    f"Another `make run` is using {settings.VAR_DIR}. Stop it, or set VAR_DIR to another place."
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
            while problem := _cannot_listen(port):
                if time.monotonic() > patience:
                    free = f"for example {variable}={port + 10 if 1024 <= port < 65_000 else 8010} make run"
                    _give_up(f"Port {port} {problem}. Set {variable} to a free one, {free}.")
                time.sleep(0.1)

    # Starting

    def _start(self) -> None:
        inherited = dict(os.environ)
        without_secrets = {
            name: value for name, value in inherited.items() if name not in ("SECRET_KEY", "SLANT_API_TOKEN")
        }
        if self.sandboxed:
            # A port of its own for the switchboard, so that "Slant is down" really refuses connections.
            control = _control_port()
            command = ["-m", "opportunities.sandbox", "--port", str(settings.SANDBOX_PORT)]
            command += ["--control-port", str(control), "--state", str(settings.VAR_DIR / "sandbox.jsonl")]
            self._add("sandbox", command, without_secrets)
            inherited |= {"SANDBOX_CONTROL_URL": f"http://127.0.0.1:{control}"}
            _write_down(inherited["SANDBOX_CONTROL_URL"])
        migrate()
        if wrong := restore_guard.other_slant_message():
            _give_up(wrong)
        self.beats = _heartbeats()
        self._add("worker", ["manage.py", "work"], inherited)
        collect_static()
        # Empty rather than absent: what is absent would be read again from .env or demo.env.
        self._add("web", _web_command(), inherited | {"SLANT_API_TOKEN": ""})

    def _add(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        log = settings.VAR_DIR / "log" / f"{name}.log"
        self.children.append(Child(name, command, environment | {"PYTHONUNBUFFERED": "1"}, log))

    def _wait_until_ready(self) -> None:
        say_so = time.monotonic() + 30
        while True:
            self._look_after_children()
            status, checks = _ask_ready()
            if status == 200 and self._others_are_ready():
                return
            if time.monotonic() > say_so:
                say_so += 30
                logs = settings.VAR_DIR / "log"
                print(
                    f"Not ready yet: {checks or 'no answer'}. The logs are in {logs}.",
                    file=sys.stderr,
                    flush=True,
                )
            time.sleep(0.25)

    def _others_are_ready(self) -> bool:
        """After a restart the web is ready from yesterday's sync, before the sandbox is and the worker looked
        around.
        """
        sandboxes = [child for child in self.children if child.name == "sandbox"]
        return all("Sandbox ready" in child.said() for child in sandboxes) and _heartbeats() != self.beats

    # Running and stopping

    def _look_after_children(self) -> None:
        if self.make and _was_interrupted(self.make):
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
        # The sandbox last, so that the worker can still finish what it is sending.
        deadline = time.monotonic() + STOP_SECONDS
        others = [child for child in self.children if child.name != "sandbox"]
        for child in others:
            child.ask_to_stop()
        for child in others:
            child.make_sure(deadline)
        for child in self.children:
            if child.name == "sandbox":
                child.ask_to_stop()
                child.make_sure(time.monotonic() + SANDBOX_STOP_SECONDS)


def _control_port() -> int:
    """Where the sandbox's switches listen: as last time, or as SANDBOX_CONTROL_URL says, if that is free."""
    wanted = urlsplit(settings.SANDBOX_CONTROL_URL).port
    if wanted and wanted not in (settings.PORT, settings.SANDBOX_PORT) and not _cannot_listen(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_down(control_url: str) -> None:
    """Into `demo.env`, where scripts find the sandbox's switches and its ledger, also while it is down."""
    file = settings.VAR_DIR / "demo.env"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("SANDBOX_CONTROL_URL=")]
    draft = file.with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write("\n".join([*lines, f"SANDBOX_CONTROL_URL={control_url}\n"]))
    draft.replace(file)


def migrate() -> None:
    """Apply migrations; when there are none to apply, do not spend the second `migrate` takes to find that
    out.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    connection.close()


def _heartbeats() -> set[tuple[str, datetime]]:
    """When each worker last began a round: the first one after a start changes what this answers."""
    try:
        return set(Heartbeat.objects.values_list("worker", "at"))
    finally:
        connection.close()


def collect_static() -> None:
    """Collect the static files if one of them changed since the last time."""
    stamp = settings.VAR_DIR / "static.stamp"
    seen = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = os.stat(storage.path(path))
            seen.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    if stamp.exists() and stamp.read_text() == seen.hexdigest():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(seen.hexdigest())


def _web_command() -> list[str]:
    return [
        *("-m", "gunicorn", "slantweb.wsgi"),
        *("--bind", f"127.0.0.1:{settings.PORT}"),
        *("--worker-class", "gthread", "--workers", "1", "--threads", "8"),
        *("--graceful-timeout", "3", "--no-control-socket", "--log-level", "warning"),
    ]


def _ask_ready() -> tuple[int, str]:
    """The status of /readyz, and which of its checks fail; status 0 while nobody answers."""
    visit = http.client.HTTPConnection("127.0.0.1", settings.PORT, timeout=5)
    try:
        visit.request("GET", "/readyz")
        answer = visit.getresponse()
        checks = json.loads(answer.read()).get("checks", {})
        return answer.status, ", ".join(name for name, check in checks.items() if check.get("ok") is False)
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return 0, ""
    finally:
        visit.close()


def _cannot_listen(port: int) -> str:
    """Why we cannot listen on `port`, or nothing."""
    with socket.socket() as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            plug.bind(("127.0.0.1", port))
            # Only listening finds out about somebody who bound with SO_REUSEADDR too.
            plug.listen(1)
        except PermissionError:
            return "is not ours to use"
        except OSError:
            return "is taken"
    return ""


def _die_with_parent() -> None:
    """On Linux a child is told to stop when the demo dies without having been able to say so (kill -9)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _make_above_us() -> int | None:
    """The process id of the `make` that runs us, if one does (and /proc can tell)."""
    parent = os.getppid()
    return parent if _process_status(parent).get("Name") in ("make", "gmake") else None


def _was_interrupted(make: int) -> bool:
    """Whether that `make` is gone, or got a SIGINT meant for it alone.

    `make` passes SIGTERM on to its recipe but not SIGINT, which it trusts the terminal to have sent to all:
    it puts the default handler back and waits for us. Linux shows that handler; elsewhere Ctrl-C is the way.
    A `make` started in the background ignores SIGINT from the start, and then its handler says nothing.
    """
    if os.getppid() != make:
        return True
    status, interrupt = _process_status(make), 1 << (signal.SIGINT - 1)
    caught, ignored = (int(status.get(name, "0"), 16) for name in ("SigCgt", "SigIgn"))
    return not (caught | ignored) & interrupt


def _process_status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def _stop(*_: object) -> NoReturn:
    raise Stopped


def _give_up(message: str, code: int = 2) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)
