"""`make test`, `make check`, `make lint`, `make faults`: what they run, in which order, and their summary."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.support import provision
from tests.support.environment import ROOT

BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
# By files, each worker with its own database and, where a test wants one, its own house.
PARALLEL = ["-n", "2", "--dist", "loadfile"]
WEBKIT = "tests/browser/test_webkit.py"
# These know no database, or bring their own; the run on PostgreSQL would only repeat them.
WITHOUT_DATABASE = [
    "tests/slant",
    "tests/sandbox",
    "tests/probe/test_bad_answers.py",
    "tests/probe/test_switches.py",
    "tests/probe/test_writing.py",
]
# Whoever changes these rooms runs them; a sweep over everything is no daily matter.
NOT_DAILY = [
    "tests/faults",
    "tests/sandbox",
    "tests/probe",
    "tests/sign_on",
    "tests/entry/test_forgery.py",
    "tests/entry/test_payloads.py",
    "tests/entry/test_reach.py",
]


class Run:
    """Steps, their times, and what could not run."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self.not_run: list[str] = []
        self.times: list[tuple[str, float, float]] = []

    def step(self, name: str, command: list[str], **variables: str) -> None:
        print(f"\n== {name}", flush=True)
        began, busy = time.monotonic(), _processor_time()
        code = subprocess.run(command, cwd=ROOT, env=_environment(**variables)).returncode
        self.times.append((name, time.monotonic() - began, _processor_time() - busy))
        if code:
            self.failed.append(name)

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
    run.step("templates", [python, "-m", "djlint", "templates", "--lint", "--quiet"])
    run.step("imports", [str(BIN / "lint-imports"), "--no-cache"])
    run.step("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"])
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
            chromium = provision.chromium()
        except provision.Missing as why:
            run.skip("The browser tests", why)
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

        def both(database: str, url: str) -> None:
            command = [*PYTEST, *PARALLEL, "--ignore=tests/faults", *arguments]
            plain = [*command, "-m", "not browser and not process"]
            if url:
                plain += [f"--ignore={room}" for room in WITHOUT_DATABASE]
            run.step(f"suite, {database}", plain, TEST_DATABASE_URL=url)
            processes = [*command, "-m", "process and not browser"]
            run.step(f"processes, {database}", processes, TEST_DATABASE_URL=url)

        both("SQLite", "")
        if postgresql:
            both("PostgreSQL", postgresql)
    # The simulated world brings its own database, in memory.
    simulated = [*PYTEST, "-n", "2", "tests/faults", "-m", "not process", *arguments]
    run.step("faults", simulated, TEST_DATABASE_URL="")
    if chromium:
        command = [*PYTEST, *PARALLEL, "-m", "browser", *browsers, *arguments]
        run.step("browser", command, CHROMIUM=chromium, TEST_DATABASE_URL="")
    return run.report()


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
    # Many more random histories than the suite has time for; each is known by its seed.
    command = [sys.executable, "-m", "tests.faults.run", "--histories", "10000", "--jobs", "2"]
    run.step("10,000 histories", command)
    return run.report()


def bench(arguments: list[str]) -> int:
    """How fast pages are, beside their floor. Not part of the suite: it needs a quiet machine."""
    run = Run()
    run.step("bench", [sys.executable, "-m", "tests.bench.run", *arguments])
    if not arguments:
        run.step("a million events", [sys.executable, "-m", "tests.bench.trail"], TEST_DATABASE_URL="")
    return run.report()


def _processor_time() -> float:
    """Seconds of processor taken by all that was started here and has ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def _environment(**variables: str) -> dict[str, str]:
    # The tools import settings too, on a machine where nobody set any: makemigrations the tests' ones, and
    # mypy's plugin the project's, which want a secret.
    return (
        os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "SECRET_KEY": "for-the-tools"} | variables
    )


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "lint": lint,
    "check": check,
    "test": test,
    "faults": faults,
    "bench": bench,
}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](sys.argv[2:]))
