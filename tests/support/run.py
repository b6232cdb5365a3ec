"""`make test`, `check`, `lint`, `faults`, `bench` and `deploy-test`: what they run, and the summary."""

import os
import resource
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import provision
from tests.support.environment import ROOT

BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
# Each worker gets whole files, its own database and, if a test needs one, its own installation.
PARALLEL = ["-n", "2", "--dist", "loadfile"]
WEBKIT = "tests/browser/test_webkit.py"
PRINT = "tests/browser/test_print.py"
# To run after a change of these rooms. They are too long for every run.
NOT_DAILY = [
    "tests/faults",
    "tests/sandbox",
    "tests/probe",
    "tests/sign_on",
    "tests/entry/test_forgery.py",
    "tests/entry/test_payloads.py",
    "tests/entry/test_reach.py",
    "tests/entry/test_unstorable.py",
]


@dataclass
class Step:
    """One command with the variables it needs besides those of the shell."""

    name: str
    command: list[str]
    variables: dict[str, str] = field(default_factory=dict)


class Run:
    """The steps, their times, and those that could not run."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.not_run: list[str] = []
        self.times: list[tuple[str, float, float]] = []

    def step(self, name: str, command: list[str], **variables: str) -> None:
        print(f"\n== {name}", flush=True)
        self._run(Step(name, command, variables))

    def side_by_side(self, computing: list[Step], waiting: list[Step]) -> None:
        """Run two queues of steps at the same time, and print the output of the second queue at the end.

        Steps that start processes and browsers often wait, so the first queue uses the idle processors. It
        has the lower priority, so that what waits for a page is served at once.
        """
        with ThreadPoolExecutor(max_workers=1) as queue:
            outputs = [queue.submit(self._run_silently, step) for step in waiting]
            for step in computing:
                self.step(step.name, ["nice", "-n", "5", *step.command], **step.variables)
            for step, output in zip(waiting, outputs, strict=True):
                print(f"\n== {step.name}\n{output.result()}", end="", flush=True)

    def _run_silently(self, step: Step) -> str:
        with tempfile.TemporaryFile("w+") as output:
            self._run(step, output.fileno())
            output.seek(0)
            return output.read()

    def _run(self, step: Step, output: int | None = None) -> None:
        began = time.monotonic()
        errors = None if output is None else subprocess.STDOUT
        process = subprocess.Popen(
            step.command, cwd=ROOT, env=_environment(**step.variables), stdout=output, stderr=errors
        )
        # Unlike RUSAGE_CHILDREN, this is the usage of one child alone.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.times.append((step.name, time.monotonic() - began, usage.ru_utime + usage.ru_stime))
        if process.returncode:
            self.failed.append(step.name)

    def skip(self, what: str, why: object) -> None:
        self.not_run.append(f"{what} did not run: {why}.")

    def report(self) -> int:
        print("\n== " + "  ".join(f"{name} {took:.0f} s ({busy:.0f} cpu)" for name, took, busy in self.times))
        for name in self.failed:
            print(f"FAILED: {name}")
        for line in self.not_run:
            print(f"NOT RUN: {line}")
        if self.not_run and os.environ.get("CI") == "true":
            print("With CI=true that is a failure.")
            return 1
        return 1 if self.failed else 0


def lint(arguments: list[str]) -> int:
    run = Run()
    # The slowest first and beside the others.
    began = time.monotonic()
    mypy = subprocess.Popen(
        [sys.executable, "-m", "mypy"], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True
    )
    python = sys.executable
    run.step("ruff", [python, "-m", "ruff", "check", "."])
    run.step("format", [python, "-m", "ruff", "format", "--check", "--quiet", "."])
    run.step("templates", [python, "-m", "djlint", "templates", "--lint", "--check", "--quiet"])
    run.step("house", [python, "-m", "tests.support.house"])
    run.step("imports", [str(BIN / "lint-imports"), "--no-cache"])
    run.step("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"])
    run.step("expand, then contract", [python, "-m", "tests.support.migrations"])
    busy = _processor_time()
    said, _ = mypy.communicate()
    print(f"\n== mypy\n{said}", end="", flush=True)
    run.times.append(("mypy", time.monotonic() - began, _processor_time() - busy))
    if mypy.returncode:
        run.failed.append("mypy")
    return run.report()


def check(arguments: list[str]) -> int:
    run = Run()
    fast = [*PYTEST, *PARALLEL, "-m", "not browser and not process and not slow"]
    fast += [f"--ignore={room}" for room in NOT_DAILY]
    run.step("fast tests, SQLite", [*fast, *arguments], TEST_DATABASE_URL="")
    return run.report()


def test(arguments: list[str]) -> int:
    run = Run()
    chromium: str | None = None
    browsers: list[str] = []
    with ExitStack() as stack:
        try:
            chromium = provision.browser()
        except provision.Missing as why:
            run.skip("The browser tests", why)
        try:
            provision.pdftotext()
        except provision.Missing as why:
            run.skip("The tests of what is printed", why)
            browsers += [f"--ignore={PRINT}"]
        try:
            provision.webkit()
        except provision.Missing as why:
            run.skip("The tests in WebKitGTK", why)
            browsers += [f"--ignore={WEBKIT}"]
        postgresql: str | None = None
        try:
            postgresql = stack.enter_context(provision.postgresql())
        except provision.Missing as why:
            run.skip("The suite on PostgreSQL", why)

        computing, waiting = _suites("SQLite", "", arguments)
        if postgresql:
            more_computing, more_waiting = _suites("PostgreSQL", postgresql, arguments)
            computing += more_computing
            waiting += more_waiting
        # The simulated world brings its own database, in memory.
        simulated = [*PYTEST, "-n", "2", "tests/faults", "-m", "not process", *arguments]
        computing.append(Step("faults", simulated, {"TEST_DATABASE_URL": ""}))
        if chromium:
            command = [*PYTEST, *PARALLEL, "-m", "browser", *browsers, *arguments]
            waiting.insert(0, Step("browser", command, {"CHROMIUM": chromium, "TEST_DATABASE_URL": ""}))
        run.side_by_side(computing, waiting)
    return run.report()


def _suites(database: str, url: str, arguments: list[str]) -> tuple[list[Step], list[Step]]:
    """The tests that compute and those that start processes, on one database."""
    # In the order of tests/conftest.py, for the number of its tests does not tell how long a file takes.
    command = [*PYTEST, *PARALLEL, "--no-loadscope-reorder", "--ignore=tests/faults", *arguments]
    if url:
        # The run on SQLite has had the others, and another database is nothing they could notice.
        command += ["--with-database"]
    suite = [*command, "-m", "not browser and not process"]
    processes = [*command, "-m", "process and not browser"]
    # Both run at the same time, on one server.
    names = [
        {"TEST_DATABASE_URL": url, "TEST_DATABASE_NAME": f"slantweb_{part}"}
        for part in ("suite", "processes")
    ]
    return (
        [Step(f"suite, {database}", suite, names[0])],
        [Step(f"processes, {database}", processes, names[1])],
    )


def faults(arguments: list[str]) -> int:
    run = Run()
    whole = [*PYTEST, "-n", "2", "tests/faults", "--full", *arguments]
    run.step("planted bugs, the whole sweep, kill -9", whole, TEST_DATABASE_URL="")
    try:
        with provision.postgresql() as url:
            killed = [*PYTEST, "tests/faults", "-m", "process", *arguments]
            run.step("kill -9, PostgreSQL", killed, TEST_DATABASE_URL=url)
    except provision.Missing as why:
        run.skip("kill -9 on PostgreSQL", why)
    recounted = [*PYTEST, "-n", "2", "tests/reports/test_reconciling.py", *arguments]
    run.step("2,000 firms recounted", recounted, RANDOM_FIRMS="2000", TEST_DATABASE_URL="")
    # Many more random histories than the suite has time for; each can be repeated by its seed.
    command = [sys.executable, "-m", "tests.faults.run", "--today", "--histories", "10000", "--jobs", "2"]
    run.step("10,000 histories", command)
    return run.report()


def bench(arguments: list[str]) -> int:
    """The speed of pages, compared with their floor. Not part of the suite, because it needs an idle
    machine.
    """
    run = Run()
    run.step("bench", [sys.executable, "-m", "tests.bench.run", *arguments])
    if not arguments:
        run.step("a million events", [sys.executable, "-m", "tests.bench.trail"], TEST_DATABASE_URL="")
    return run.report()


def deploy_test(arguments: list[str]) -> int:
    """The blocks of operations.md, one after another, and drills. Not part of the suite, because it installs
    packages.
    """
    run = Run()
    run.step("files", [*PYTEST, "tests/deploy"], TEST_DATABASE_URL="")
    run.step("drills", [sys.executable, "-m", "tests.deploy.run", *arguments])
    return run.report()


def _processor_time() -> float:
    """Seconds of processor taken by all that was started here and has ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _environment(**variables: str) -> dict[str, str]:
    # The tools import settings too, on a machine where nobody set any: makemigrations the tests' ones, and
    # mypy's plugin the project's, which want a secret.
    secret = "for-the-tools-" + string.ascii_letters
    tools = {"DJANGO_SETTINGS_MODULE": "tests.settings", "SECRET_KEY": secret}
    environment = os.environ | tools | variables
    # Without byte code, every process of the tests compiles all of them and the application again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "lint": lint,
    "check": check,
    "test": test,
    "faults": faults,
    "bench": bench,
    "deploy-test": deploy_test,
}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
