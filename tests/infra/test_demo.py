"""`make run`, from outside: what it prints, what it starts, and that it leaves nothing behind."""

import csv
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.support.environment import ROOT, clean_environment
from tests.support.processes import WRITE_TOKEN, Process, Sandbox, Template, wait_until
from tests.support.provision import free_port

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]

DEMO = (sys.executable, "manage.py", "demo")


class Demo:
    """A place for a demo, and the demos started there one after the other."""

    def __init__(self, home: Path, database_url: str, **variables: str) -> None:
        self.home = home
        self.log = home.with_suffix(".out")
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Set, if to nothing, so that no developer's .env has a say.
        self.environment = clean_environment(
            DJANGO_SETTINGS_MODULE="tests.support.installation_settings",
            SECRET_KEY="",
            SLANT_BASE_URL="",
            SLANT_API_TOKEN="",
            VAR_DIR=str(home),
            PORT=str(self.port),
            SANDBOX_PORT=str(self.sandbox_port),
        )
        self.environment |= {"DATABASE_URL": database_url} | variables
        self.started: list[Process] = []

    def start(self, *command: str) -> Process:
        self.log.unlink(missing_ok=True)
        demo = Process("demo", command or DEMO, self.environment, self.log)
        self.started.append(demo)
        return demo

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    def start_and_wait(self, *command: str) -> Process:
        demo = self.start(*command)
        wait_until(lambda: "Slantweb ready" in self.log.read_text(), demo)
        return demo

    def processes(self) -> dict[int, str]:
        """Every process of this demo, known by its VAR_DIR, with its command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                mine = f"VAR_DIR={self.home}\0".encode() in (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if mine and command:
                found[int(folder.name)] = command
        return found

    def process(self, part: str) -> int:
        return next(pid for pid, command in self.processes().items() if part in command)


@pytest.fixture(scope="module")
def new_demo(
    installation_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Demo]]:
    demos: list[Demo] = []

    def build(**variables: str) -> Demo:
        home = tmp_path_factory.mktemp("demo") / "var"
        demos.append(Demo(home, installation_template.empty(home), **variables))
        return demos[-1]

    yield build
    for demo in demos:
        for process in demo.started:
            if process.alive:
                process.stop()
        installation_template.clear(demo.environment["DATABASE_URL"])


@pytest.fixture(scope="module")
def demo(new_demo: Callable[..., Demo]) -> Demo:
    """One place for most tests, so that only the first of them pays for a first start."""
    return new_demo()


def token_in(pid: int) -> str:
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return next((line.partition("=")[2] for line in variables if line.startswith("SLANT_API_TOKEN=")), "")


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_it_says_one_line_serves_the_form_and_ends_when_told(demo: Demo) -> None:
    running = demo.start_and_wait()
    page = requests.get(f"{demo.url}/demo/sign-in/", timeout=10)
    ready = requests.get(f"{demo.url}/readyz", timeout=10)
    written = dict(line.split("=", 1) for line in (demo.home / "demo.env").read_text().splitlines()[1:])
    switches = f"{written['SANDBOX_CONTROL_URL']}/_control"
    down = requests.post(switches, json={"up": False}, timeout=10)
    still_there = requests.get(switches, timeout=10).json()
    began = time.monotonic()
    code = running.stop()

    assert demo.log.read_text() == (
        f"Slantweb ready: {demo.url}/ (Slant: http://127.0.0.1:{demo.sandbox_port}/v1, sandbox)\n"
    )
    assert (page.status_code, ready.status_code) == (200, 200)
    assert 'value="sales"' in page.text
    assert (code, demo.processes()) == (0, {})
    assert time.monotonic() - began < 10
    # Where scripts find the switches, also while Slant is "down".
    assert written["SLANT_BASE_URL"].endswith(f":{demo.sandbox_port}/v1")
    assert (down.status_code, still_there["up"]) == (200, False)


def test_its_firm_has_eighteen_months_of_history_and_nobody_wrote_it(demo: Demo) -> None:
    """Read by the real client and kept by the real mirror; the sandbox's ledger begins in the present."""
    began = datetime.now(UTC) - timedelta(minutes=10)
    running = demo.start_and_wait()
    manager = requests.Session()
    form = manager.get(f"{demo.url}/demo/sign-in/", timeout=10).text
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', form)
    sent = {"persona": "manager", "next": "/", "csrfmiddlewaretoken": token[1] if token else ""}
    manager.post(f"{demo.url}/demo/sign-in/", sent, headers={"Referer": demo.url}, timeout=10)
    velocity = list(
        csv.DictReader(manager.get(f"{demo.url}/reports/velocity.csv", timeout=30).text.split("\r\n"))
    )
    changes = manager.get(f"{demo.url}/reports/changes/", timeout=30).text
    written = demo.home.joinpath("demo.env").read_text()
    switches = re.search("SANDBOX_CONTROL_URL=(.*)", written)
    entries = requests.get(f"{switches[1] if switches else ''}/_ledger", timeout=10).json()["entries"]
    running.stop()

    # Twelve months, of which the one under way may have nothing yet.
    assert len(velocity) == 12
    assert sum(bool(month["Dollars a day"]) for month in velocity) >= 9
    assert "Open on" in changes
    assert [entry for entry in entries if entry["kind"] == "write"] == []
    assert all(datetime.fromisoformat(entry["at"]) > began for entry in entries)


def test_starting_again_is_quick_and_secrets_stay_where_they_belong(demo: Demo) -> None:
    file = demo.home / "demo.env"
    before = file.read_text()
    began = time.monotonic()
    running = demo.start_and_wait()
    seconds = time.monotonic() - began
    tokens = {part: token_in(demo.process(part)) for part in ("manage.py work", "gunicorn", "sandbox")}
    commands = " ".join(demo.processes().values())
    unknown = requests.get(f"{demo.url}/healthz/nothing-here/", timeout=10)
    another, reset = demo.run(*DEMO), demo.run(sys.executable, "-m", "slantweb.demo_env", "reset")
    os.killpg(running.popen.pid, signal.SIGINT)

    # The promise is 8 s for the median on a quiet machine; this one may be busy.
    assert seconds < 30
    assert tokens == {"manage.py work": WRITE_TOKEN, "gunicorn": "", "sandbox": ""}
    assert "slnt_pat" not in commands
    assert "DEBUG" not in unknown.text
    # The secret is made once, and for nobody else's eyes.
    assert file.read_text() == before
    assert re.search(r"^SECRET_KEY=.{60,}$", before, re.MULTILINE)
    assert file.stat().st_mode & 0o777 == 0o600
    assert demo.home.stat().st_mode & 0o777 == 0o700
    # One place is for one demo.
    assert (another.returncode, reset.returncode) == (2, 1)
    assert "Another `make run` is using" in another.stderr
    assert "Stop it first" in reset.stderr
    # Ctrl-C.
    assert running.popen.wait(10) == 0
    assert demo.processes() == {}


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="make uses .venv")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_for_make_alone_ends_everything(demo: Demo, number: signal.Signals) -> None:
    make = demo.start_and_wait("make", "run")
    make.popen.send_signal(number)
    # make reports the signal it got, whatever its recipe answered.
    code = make.popen.wait(10)

    assert code == -number
    assert demo.processes() == {}


def test_killed_outright_it_takes_its_children_along(demo: Demo) -> None:
    demo.start_and_wait().popen.kill()

    # Nobody promised how soon: each ends what it was doing first.
    wait_until(lambda: demo.processes() == {}, seconds=40)


def test_a_child_that_dies_ends_the_rest_with_its_last_words(demo: Demo) -> None:
    log = demo.home / "log" / "worker.log"
    # The same file holds what the workers before it wrote.
    before = log.stat().st_size if log.exists() else 0
    running = demo.start_and_wait()
    wait_until(lambda: log.stat().st_size > before, running)
    os.kill(demo.process("manage.py work"), signal.SIGKILL)
    code = running.popen.wait(15)

    said = demo.log.read_text()
    assert "The worker process ended by itself (exit -9), so everything was stopped. The end of" in said
    assert '"message"' in said
    assert (code, demo.processes()) == (1, {})


@pytest.mark.parametrize("variable", ["PORT", "SANDBOX_PORT"])
def test_a_taken_port_is_named_with_its_variable(demo: Demo, variable: str) -> None:
    port = int(demo.environment[variable])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        code = demo.start().popen.wait(20)

    assert code == 2
    assert demo.log.read_text().startswith(f"Port {port} is taken. Set {variable} to a free one")


def test_another_slant_gets_no_sandbox_and_keeps_demo_sign_in(
    new_demo: Callable[..., Demo], tmp_path: Path
) -> None:
    slant = Sandbox(tmp_path / "sandbox.log")
    demo = new_demo(SLANT_BASE_URL=slant.slant_url, SLANT_API_TOKEN=WRITE_TOKEN)
    running = demo.start_and_wait()
    commands = " ".join(demo.processes().values())
    page = requests.get(f"{demo.url}/demo/sign-in/", timeout=10)
    running.stop()
    slant.process.stop()

    assert demo.log.read_text() == f"Slantweb ready: {demo.url}/ (Slant: {slant.slant_url})\n"
    assert "opportunities.sandbox" not in commands
    assert page.status_code == 200
    assert "SLANT" not in (demo.home / "demo.env").read_text()


def test_a_database_of_another_slant_is_refused_before_anything_is_served(demo: Demo) -> None:
    theirs = demo.environment | {"SLANT_BASE_URL": "http://127.0.0.1:9/v1", "SLANT_API_TOKEN": WRITE_TOKEN}
    demo.start_and_wait().stop()
    worker = demo.home / "log" / "worker.log"
    before = worker.stat().st_size

    refused = Process("demo", DEMO, theirs, demo.log.with_suffix(".refused"))
    code = refused.popen.wait(20)

    assert code == 2
    assert refused.said() == (
        f"This database belongs to the Slant at http://127.0.0.1:{demo.sandbox_port}/v1, "
        "and SLANT_BASE_URL names another. Point it back, or start with a new VAR_DIR or DATABASE_URL.\n"
    )
    # No worker came so far as to say anything.
    assert worker.stat().st_size == before
    assert demo.processes() == {}


def test_ready_is_said_once_the_worker_works_not_from_what_was_there_yesterday(demo: Demo) -> None:
    demo.start_and_wait().stop()
    running = demo.start()
    wait_until(lambda: any("manage.py work" in command for command in demo.processes().values()), running)
    worker = demo.process("manage.py work")
    os.kill(worker, signal.SIGSTOP)

    wait_until(lambda: answers(f"{demo.url}/readyz"), running)
    # Longer than it takes the demo to look again.
    time.sleep(1)
    said_too_early = demo.log.read_text()
    os.kill(worker, signal.SIGCONT)
    wait_until(lambda: "Slantweb ready" in demo.log.read_text(), running)

    assert said_too_early == ""
    assert running.stop() == 0


def test_an_empty_var_dir_is_the_default_one_not_the_checkout() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from slantweb.demo_env import var_dir; print(var_dir())"],
        cwd=ROOT, env=clean_environment(VAR_DIR=""), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == f"{ROOT / 'var'}\n"


def test_a_slant_elsewhere_is_refused_in_the_demo(new_demo: Callable[..., Demo]) -> None:
    demo = new_demo(SLANT_BASE_URL="https://slant.example/v1", SLANT_API_TOKEN="slnt_pat_somebody")
    code = demo.start().popen.wait(20)

    assert code == 1
    assert "DEMO=1 lets anybody sign in" in demo.log.read_text()
    assert "Traceback" not in demo.log.read_text()


def test_reset_removes_what_the_demo_made_and_nothing_else(tmp_path: Path) -> None:
    def reset(home: Path) -> int:
        command = [sys.executable, "-m", "slantweb.demo_env", "reset"]
        environment = clean_environment(VAR_DIR=str(home))
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode

    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for home in (ours, theirs):
        (home / "log").mkdir(parents=True)
    (ours / "made-by-make-run").touch()

    assert (reset(ours), reset(theirs), reset(tmp_path / "none")) == (0, 1, 0)
    assert (ours.exists(), theirs.exists()) == (False, True)
