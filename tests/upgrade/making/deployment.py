"""One deployment of another checkout: sandbox, worker and web server, started and stopped day by day.

The machine is called `worker-1` and its operator `operator`, so that no name of the machine at hand is
written down.
"""

import contextlib
import os
import signal
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.upgrade.making.wall_clock import WallClock

PORT, SLANT_PORT, CONTROL_PORT = 18110, 18101, 18102
MACHINE, OPERATOR = "worker-1", "operator"
DEALS = 150
WRITE_TOKEN, READ_TOKEN = "slnt_pat_sandbox_write", "slnt_pat_sandbox_read"
OBSERVER_TOKEN = "slnt_pat_sandbox_observer"
# Half-second waits, as in the tests: what takes minutes in production takes seconds here.
QUICK = {
    "LOOK_AFTER_SECONDS": "0.5,0.5,0.5",
    "QUIET_SECONDS": "0.5",
    "SCAN_GAP_SECONDS": "0.5",
    # Passes of sync are asked for by command, so that the story says what is known when.
    "SYNC_SECONDS": "1800",
}


class Deployment:
    """`checkout` is the version that is used, `home` its VAR_DIR."""

    def __init__(self, checkout: Path, home: Path, database_url: str, clock: WallClock) -> None:
        self.checkout, self.home, self.database_url, self.clock = checkout, home, database_url, clock
        self.url = f"http://127.0.0.1:{PORT}"
        self.slant_url = f"http://127.0.0.1:{SLANT_PORT}/v1"
        self.control_url = f"http://127.0.0.1:{CONTROL_PORT}"
        self.machine = MACHINE
        self.settings: dict[str, str] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    # Days

    @contextmanager
    def day(self, moment: str, **settings: str) -> Iterator[None]:
        """All processes, from `moment` (UTC) on, until the end of the block."""
        self.settings = QUICK | settings
        self.clock.turn_to(moment)
        try:
            self.start_sandbox()
            self.manage("migrate", "-v", "0")
            if not (self.home / "static").exists():
                self.manage("collectstatic", "-v", "0", "--no-input")
            self.start_worker()
            self.start_web()
            self.wait_until(self.is_ready)
            yield
        finally:
            for name in ("web", "worker", "sandbox"):
                self.stop(name)

    def start_sandbox(self) -> None:
        command = [
            "-m",
            "opportunities.sandbox",
            "--port",
            str(SLANT_PORT),
            "--control-port",
            str(CONTROL_PORT),
        ]
        command += ["--state", str(self.home / "sandbox.jsonl")]
        if not (self.home / "sandbox.jsonl").exists():
            command += ["--opportunities", str(DEALS)]
        self._start("sandbox", command)
        self.wait_until(lambda: self._answers(f"{self.control_url}/_control"))
        self.slant(limits={"token": 1_000_000, "company": 1_000_000, "ip": 1_000_000})

    def start_worker(self, **settings: str) -> None:
        self._start("worker", ["manage.py", "work"], **settings)

    def start_web(self) -> None:
        command = [
            "-m",
            "gunicorn",
            "slantweb.wsgi",
            "--bind",
            f"127.0.0.1:{PORT}",
            "--worker-class",
            "gthread",
        ]
        command += ["--threads", "4", "--graceful-timeout", "2", "--no-control-socket"]
        self._start("web", command, SLANT_API_TOKEN="")

    def restart_worker(self, **settings: str) -> None:
        """A worker that starts asks Slant at once whose token it has."""
        self.stop("worker")
        self.start_worker(**settings)

    def manage(self, *arguments: str, **settings: str) -> str:
        """What a management command printed; it may end as it likes."""
        done = subprocess.run(
            self._command(["manage.py", *arguments]),
            cwd=self.checkout,
            env=self._environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        print(f"  manage.py {' '.join(arguments)}: {done.stdout.strip()[-200:]} ({done.returncode})")
        return done.stdout

    # Slant's side

    def slant(self, **changes: Any) -> dict[str, Any]:
        """Change what `/_control` lets one change."""
        answer = requests.post(f"{self.control_url}/_control", json=changes, timeout=20)
        assert answer.ok, answer.text
        setting: dict[str, Any] = answer.json()
        return setting

    def fault(self, kind: str, method: str = "POST", path: str = "/v1/opportunities", **more: Any) -> None:
        """Let the next such request go wrong."""
        self.slant(faults=[{"method": method, "path": path, "kind": kind, "times": 1} | more])

    def patch(self, record: str, **fields: Any) -> None:
        """Somebody changed a record on Slant's own page."""
        self.slant(records=[{"op": "patch", "id": record, "set": fields}])

    def deals(self, **wanted: str) -> list[dict[str, Any]]:
        """Deals as Slant shows them, oldest first; `wanted` by flat names, such as `book_id`."""
        found = self.listed("opportunities")
        return [deal for deal in found if all(_flat(deal, name) == value for name, value in wanted.items())]

    def listed(self, path: str) -> list[dict[str, Any]]:
        """All records of a list of Slant."""
        found: list[dict[str, Any]] = []
        while True:
            page = requests.get(
                f"{self.slant_url}/{path}",
                params={"page": str(len(found) // 100 + 1), "per_page": "100"},
                headers={"Authorization": f"Bearer {OBSERVER_TOKEN}"},
                timeout=20,
            ).json()["data"]
            found += page
            if len(page) < 100:
                return found

    # Processes

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            process.wait(20)

    def wait_until(self, met: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not ended, f"{ended} ended; see {self.home}/log"
            assert time.monotonic() < deadline, "nothing came of it"
            time.sleep(0.1)

    def is_ready(self) -> bool:
        return self._answers(f"{self.url}/readyz")

    def _answers(self, url: str) -> bool:
        try:
            return requests.get(url, timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def _start(self, name: str, command: list[str], **settings: str) -> None:
        log = self.home / "log" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self.processes[name] = subprocess.Popen(
                self._command(command),
                cwd=self.checkout,
                env=self._environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _command(self, command: list[str]) -> list[str]:
        named = ["unshare", "--uts", "sh", "-c", f'hostname {MACHINE} && exec "$@"', "sh"]
        return [*named, sys.executable, *command]

    def _environment(self, **settings: str) -> dict[str, str]:
        return (
            {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LOGNAME": OPERATOR, "PYTHONUNBUFFERED": "1"}
            | self.clock.variables
            | {
                "DEMO": "1",
                # Of this fixture alone: it signs forms and sessions that are long over.
                "SECRET_KEY": "used-database-only-" + string.ascii_letters,
                "VAR_DIR": str(self.home),
                "DATABASE_URL": self.database_url,
                "MACHINE_NAME": self.machine,
                "PORT": str(PORT),
                "SLANT_BASE_URL": self.slant_url,
                "SLANT_API_TOKEN": WRITE_TOKEN,
                "SLANT_HOURLY_BUDGET": "1000000",
                "SLANT_TIMEOUT_SECONDS": "5",
                "SANDBOX_CONTROL_URL": self.control_url,
                "VIEW_WAIT_SECONDS": "2",
            }
            | self.settings
            | settings
        )


def _flat(deal: dict[str, Any], name: str) -> Any:
    """A field by its flat name, also where Slant answers with the record it names."""
    nested = deal.get(name.removesuffix("_id"))
    return nested.get("id") if isinstance(nested, dict) else deal.get(name)
