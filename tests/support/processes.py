"""An installation of real processes - sandbox, worker, web - with its own ports, state and database.

    with Installation(tmp_path) as installation:
        installation.sandbox.control(up=False)
        requests.get(installation.url + "/readyz")
        installation.kill("worker")
        installation.start_worker()

Waits are half a second, so that processes which take minutes in production take seconds here.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import string
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import requests

from tests.support.databases import as_application, as_web, copy_sqlite, grant
from tests.support.environment import ROOT, clean_environment
from tests.support.provision import free_port

WRITE_TOKEN = "slnt_pat_sandbox_write"
START_SECONDS = 60
QUICK = {
    "DATE_STYLE": "eu",
    "VIEW_WAIT_SECONDS": "0.5",
    "LOOK_AFTER_SECONDS": "0.5,0.5,0.5",
    "QUIET_SECONDS": "0.5",
    "SCAN_GAP_SECONDS": "0.5",
    "SYNC_SECONDS": "2",
    "SLANT_TIMEOUT_SECONDS": "5",
    # Half-second waits use an hour's calls in minutes. The budget has its own tests.
    "SLANT_HOURLY_BUDGET": "1000000",
}


class Died(AssertionError):
    """A process ended unexpectedly, or never started. The text ends with its last output."""


class Process:
    """One child process, with its output in a file and its own session. It always ends with this process."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        log: Path,
        files: Sequence[int] = (),
    ) -> None:
        self.name, self.log = name, log
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
                pass_fds=files,
            )

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def check(self) -> None:
        if not self.alive:
            raise Died(f"{self.name} ended (exit {self.popen.returncode}):\n{self.said()[-3000:]}")

    def stop(self, timeout: float = 10) -> int:
        """Ask it to end, and return its exit code. It is killed if it does not end in time."""
        self.popen.terminate()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Died(
                f"{self.name} did not end within {timeout} s of SIGTERM:\n{self.said()[-3000:]}"
            ) from None

    def kill(self) -> None:
        """Kill it and all its children with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()


class Sandbox:
    """A sandbox in a separate process, with the two addresses by which a test observes and controls it."""

    def __init__(self, log: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        control = free_port()
        self.slant_url = f"http://127.0.0.1:{self.port}/v1"
        self.control_url = f"http://127.0.0.1:{control}"
        command = [sys.executable, "-m", "opportunities.sandbox"]
        command += ["--port", str(self.port), "--control-port", str(control), *options]
        self.process = Process("sandbox", command, clean_environment(PYTHONUNBUFFERED="1"), log)
        wait_until(lambda: "Sandbox ready" in self.process.said(), self.process)
        # Every test makes more calls than a firm in an hour.
        self.control(limits={"token": 1_000_000, "company": 1_000_000, "ip": 1_000_000})

    def control(self, **changes: Any) -> dict[str, Any]:
        """Change settings through `/_control`. Returns all settings."""
        answer = requests.post(f"{self.control_url}/_control", json=changes, timeout=10)
        assert answer.ok, answer.text
        setting: dict[str, Any] = answer.json()
        return setting

    def ledger(self, **filters: Any) -> list[dict[str, Any]]:
        """Entries of the ledger, oldest first; `after`, `kind`, `method` and `path` narrow it."""
        entries: list[dict[str, Any]] = []
        after = filters.pop("after", 0)
        while True:
            query = {"after": after, "limit": 1000} | filters
            page = requests.get(f"{self.control_url}/_ledger", params=query, timeout=10).json()["entries"]
            entries += page
            if len(page) < 1000:
                return entries
            after = page[-1]["seq"]

    def created(self, **filters: Any) -> list[dict[str, Any]]:
        """The records of the opportunities that were created."""
        writes = self.ledger(kind="write", **filters)
        return [
            entry["record"]
            for entry in writes
            if entry["action"] == "create" and entry["type"] == "opportunity"
        ]


class Template:
    """A migrated database and collected static files, made once and copied for every installation."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="slantweb-template-"))
        self.server = os.environ.get("TEST_DATABASE_URL", "")
        self.database = ""
        if self.server:
            self.database = f"slantweb_template_{uuid.uuid4().hex[:8]}"
            self._run(f'CREATE DATABASE "{self.database}"')
        environment = installation_environment(self.home, self._url(self.database))
        commands = (["migrate", "-v", "0"], ["collectstatic", "-v", "0", "--no-input"])
        running = [
            subprocess.Popen(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for command in commands
        ]
        for process, said in [(process, process.communicate()[0]) for process in running]:
            assert process.returncode == 0, said
        if self.server:
            with psycopg.connect(self._url(self.database), autocommit=True) as owner:
                grant(owner.execute)

    def furnish(self, home: Path) -> str:
        """Give `home` the static files and a database of its own. Returns its DATABASE_URL."""
        (home / "static").symlink_to(self.home / "static")
        if not self.server:
            copy_sqlite(self.home / "slantweb.sqlite3", home / "slantweb.sqlite3")
            return f"sqlite:///{home / 'slantweb.sqlite3'}"
        copy = f"slantweb_test_{uuid.uuid4().hex[:8]}"
        self._run(f'CREATE DATABASE "{copy}" TEMPLATE "{self.database}"')
        return as_application(self._url(copy))

    def empty(self, home: Path) -> str:
        """An empty database without migrations, for its owner."""
        if not self.server:
            return f"sqlite:///{home / 'slantweb.sqlite3'}"
        name = f"slantweb_empty_{uuid.uuid4().hex[:8]}"
        self._run(f'CREATE DATABASE "{name}"')
        return self._url(name)

    def clear(self, url: str) -> None:
        if url.startswith("postgres"):
            self._run(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def remove(self) -> None:
        if self.database:
            self._run(f'DROP DATABASE "{self.database}" WITH (FORCE)')
        shutil.rmtree(self.home, ignore_errors=True)

    def _url(self, database: str) -> str:
        if not database:
            return f"sqlite:///{self.home / 'slantweb.sqlite3'}"
        return urlunsplit(urlsplit(self.server)._replace(path=f"/{database}"))

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)


def installation_environment(home: Path, database_url: str, **variables: str) -> dict[str, str]:
    """The variables of every installation, with `variables` replacing them. Without a Slant in them, the
    address is one that nothing serves.
    """
    common = QUICK | {"SLANT_BASE_URL": "http://127.0.0.1:9/v1"}
    common |= {"SECRET_KEY": "installation-only-" + string.ascii_letters}
    # Tests and measurements open more pages under one name than any person.
    common |= {"PAGES_A_MINUTE": "1000000", "REPORTS_A_MINUTE": "1000000"}
    return clean_environment(
        DJANGO_SETTINGS_MODULE="tests.support.installation_settings",
        PYTHONUNBUFFERED="1",
        DEMO="1",
        VAR_DIR=str(home),
        DATABASE_URL=database_url,
        **(common | variables),
    )


class Installation:
    """Sandbox, worker and web. `settings` are environment variables; `sandbox_options` go to the sandbox's
    command.

    `slant_url` names another Slant, and then no sandbox is started.
    """

    def __init__(
        self,
        home: Path,
        template: Template,
        *,
        sandbox_options: Sequence[str] = (),
        slant_url: str = "",
        **settings: str,
    ) -> None:
        self.home = home
        self.template = template
        self.sandbox_options = sandbox_options
        self.slant_url = slant_url
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = ""
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the worker and of commands."""
        return installation_environment(
            self.home,
            self.database_url,
            PORT=str(self.port),
            SLANT_BASE_URL=self.slant_url,
            **({"SLANT_API_TOKEN": WRITE_TOKEN} | self.settings),
        )

    @property
    def web_environment(self) -> dict[str, str]:
        """The same without the token, and on PostgreSQL in the web's own role."""
        return self.environment | {"SLANT_API_TOKEN": "", "DATABASE_URL": as_web(self.database_url)}

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.database_url = self.template.furnish(self.home)
        try:
            if not self.slant_url:
                self.sandbox = Sandbox(self.home / "sandbox.log", *self.sandbox_options)
                self.processes["sandbox"] = self.sandbox.process
                self.slant_url = self.sandbox.slant_url
            self.start_worker()
            self.start_web()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def start_worker(self, name: str = "worker") -> Process:
        return self._start(name, ["manage.py", "work"], self.environment)

    def start_web(self) -> Process:
        # fmt: off
        command = [
            "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{self.port}",
            "--graceful-timeout", "2",
        ]
        # fmt: on
        return self._start("web", command, self.web_environment)

    def manage(self, *arguments: str) -> str:
        """Run a management command in the installation's environment. Returns its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_until_ready(self) -> None:
        wait_until(self._ready, *self.processes.values())

    def wait_until_slant_answers(self) -> None:
        """After an outage nothing is sent before the next probe, which comes after a minute at most."""
        wait_until(self._hears_slant, *self.processes.values(), seconds=75)

    def _hears_slant(self) -> bool:
        answer = requests.get(f"{self.url}/readyz", timeout=5).json()
        return bool(answer["checks"]["slant"]["ok"])

    def kill(self, name: str) -> None:
        """Kill one of the processes with SIGKILL. The test must start it again."""
        self.processes.pop(name).kill()

    def stop(self) -> None:
        # The sandbox ends last, because the worker may be in an exchange with it.
        for name in sorted(self.processes, key=lambda name: name == "sandbox"):
            process = self.processes.pop(name)
            with contextlib.suppress(Died):
                process.stop()
        if self.database_url:
            self.template.clear(self.database_url)
            self.database_url = ""

    def logs(self) -> str:
        """The end of every log, for the report of a test that failed."""
        return "\n".join(
            f"--- {log.name}\n{log.read_text()[-4000:]}" for log in sorted(self.home.glob("*.log"))
        )

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> Process:
        process = Process(name, [sys.executable, *command], environment, self.home / f"{name}.log")
        self.processes[name] = process
        return process

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except (requests.ConnectionError, requests.Timeout):
            # It does not listen yet, or is too busy starting to answer, so it is not ready.
            return False


def wait_until(met: Callable[[], bool], *alive: Process, seconds: float = START_SECONDS) -> None:
    """Wait until `met()` is true, as long as the processes run."""
    deadline = time.monotonic() + seconds
    while not met():
        for process in alive:
            process.check()
        if time.monotonic() > deadline:
            said = "\n".join(f"--- {process.name}\n{process.said()[-2000:]}" for process in alive)
            raise Died(f"Nothing came of it within {seconds:.0f} s.\n{said}")
        time.sleep(0.05)


def _die_with_parent() -> None:
    # A suite that was started in the background ignores SIGINT, and its children would too.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


# Fixtures


@pytest.fixture(scope="session")
def installation_template() -> Iterator[Template]:
    template = Template()
    yield template
    template.remove()


@pytest.fixture
def new_installation(
    request: pytest.FixtureRequest, installation_template: Template, tmp_path: Path
) -> Iterator[Callable[..., Installation]]:
    """Starts an installation for this test only: `new_installation(sandbox_options=[...],
    SYNC_SECONDS="1")`.
    """
    installations: list[Installation] = []

    def build(**options: Any) -> Installation:
        installation = Installation(tmp_path / f"home{len(installations)}", installation_template, **options)
        installations.append(installation)
        installation.start()
        return installation

    request.node.stash[INSTALLATIONS] = installations
    yield build
    for installation in installations:
        installation.stop()


@pytest.fixture(scope="session")
def shared_installation(
    installation_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("home"), installation_template) as installation:
        yield installation


@pytest.fixture
def installation(request: pytest.FixtureRequest, shared_installation: Installation) -> Iterator[Installation]:
    """The installation that all browser tests share. After a test its settings of Slant are reset; records it
    created stay.
    """
    request.node.stash[INSTALLATIONS] = [shared_installation]
    yield shared_installation
    shared_installation.sandbox.control(reset="faults", up=True, latency_ms=0)
    for name, start in (("worker", shared_installation.start_worker), ("web", shared_installation.start_web)):
        if name not in shared_installation.processes:
            start()
    shared_installation.wait_until_ready()
    shared_installation.wait_until_slant_answers()


INSTALLATIONS = pytest.StashKey[list[Installation]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the output of the installation's processes to the report of a failed test."""
    report = yield
    if report.failed:
        report.sections += [
            ("installation", installation.logs()) for installation in item.stash.get(INSTALLATIONS, [])
        ]
    return report
