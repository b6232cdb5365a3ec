"""Starting and ending the process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

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


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "opportunities.sandbox", *arguments]
    return subprocess.run(
        command,
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
    "arguments", [("--switch", "mood=good"), ("--fault", "POST /v1/x earthquake"), ("--speed", "9")]
)
def test_an_argument_that_is_not_understood_ends_it_at_once(arguments: tuple[str, str]) -> None:
    ended = run("--port", "0", *arguments)

    assert ended.returncode == 2
    assert ended.stdout == ""


def test_the_management_command_becomes_the_same_process() -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "manage.py",
            "sandbox",
            "--port",
            "0",
            "--fault",
            "GET /v1/me status_before status=503",
        ],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line.rpartition(":")[2].partition("/")[0])
        assert line == f"Sandbox ready: http://127.0.0.1:{port}/v1\n"
        with Wire(port) as wire:
            reply = wire.ask("GET", "/v1/me")
            assert reply is not None
            assert reply.status == 503
    finally:
        process.terminate()
        assert process.wait(timeout=5) == 0
        process.stdout.close()


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
