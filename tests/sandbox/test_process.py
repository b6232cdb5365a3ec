"""Starting and ending the process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sandbox.wire import Wire
from tests.sandbox_process import ROOT, SandboxProcess

Start = Callable[..., SandboxProcess]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_two_seconds_whoever_still_waits(start_sandbox: Start, how: int) -> None:
    sandbox = start_sandbox(faults=("GET /v1/me hang", "GET /v1/books delay delay_ms=60000"))
    process = sandbox.process
    assert process is not None
    with Wire(sandbox.port) as hanging, Wire(sandbox.port) as waiting, Wire(sandbox.port):
        hanging.send("GET", "/v1/me")
        waiting.send("GET", "/v1/books")
        sandbox.wait_for_open(2)
        began = time.monotonic()

        process.send_signal(how)

        assert process.wait(timeout=5) == 0
        assert time.monotonic() - began < 2


def run(
    *arguments: str, command: tuple[str, str] = ("-m", "opportunities.sandbox"), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_taken_port_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = run(SANDBOX_PORT=port)

    assert ended.returncode == 2
    assert port in ended.stderr
    assert "SANDBOX_PORT" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "port", "variable"),
    [
        (("--port", "99999"), "99999", "--port"),
        (("--port", "-1"), "-1", "--port"),
        (("--port", "0", "--control-port", "70000"), "70000", "--control-port"),
    ],
)
def test_a_port_that_is_none_is_named_with_its_argument(
    arguments: tuple[str, ...], port: str, variable: str
) -> None:
    ended = run(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"port {port} " in ended.stderr
    assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("--switch", "mood=good"), ("--fault", "POST /v1/x earthquake"), ("--speed", "9")]
)
def test_an_argument_that_is_not_understood_ends_it_at_once(arguments: tuple[str, str]) -> None:
    ended = run("--port", "0", *arguments)

    assert ended.returncode == 2
    assert ended.stdout == ""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, as far as the sandbox needs it: not even the application's settings."""
    (tmp_path / "manage.py").write_bytes((ROOT / "manage.py").read_bytes())
    (tmp_path / "opportunities").symlink_to(ROOT / "opportunities")
    return tmp_path


def first_line(clone: Path, *arguments: str, **environment: str) -> str:
    """What `manage.py sandbox` says when it is ready; it is ended then, and ends well."""
    known = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sandbox", *arguments],
        cwd=clone,
        env=known | environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        line = process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=5) == 0
    return line


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def test_manage_py_starts_it_on_a_fresh_clone(clone: Path) -> None:
    port = free_port()

    line = first_line(
        *(clone, "--port", port, "--opportunities", "3", "--switch", "create_status=200"),
        *("--fault", "GET /v1/me status_before status=503"),
    )

    assert line == f"Sandbox ready: http://127.0.0.1:{port}/v1\n"


def test_manage_py_finds_its_port_in_the_environment_and_in_the_env_file(clone: Path) -> None:
    in_file, in_environment = free_port(), free_port()
    (clone / ".env").write_text(f"SANDBOX_PORT={in_file}\n")

    assert f":{in_file}/" in first_line(clone)
    assert f":{in_environment}/" in first_line(clone, SANDBOX_PORT=in_environment)


def test_manage_py_says_what_it_does_not_understand() -> None:
    ended = run("--port", "0", "--speed", "9", command=("manage.py", "sandbox"))

    assert (ended.returncode, ended.stdout) == (2, "")


def test_a_hundred_thousand_deals_are_ready_in_time_and_paged_quickly(start_sandbox: Start) -> None:
    began = time.monotonic()
    sandbox = start_sandbox(opportunities=100_000)
    ready_s = time.monotonic() - began

    began = time.monotonic()
    pages = [sandbox.get(f"/opportunities?per_page=100&page={page}")[1] for page in (1, 400, 800, 1000)]
    page_s = (time.monotonic() - began) / len(pages)

    assert ready_s < 30
    assert page_s < 0.5
    assert [len(page["data"]) for page in pages] == [100] * 4
    assert pages[-1]["pagination"]["total_count"] == 100_000
