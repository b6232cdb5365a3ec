"""One sandbox for all contract tests, as new for each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opportunities.slant.client import SlantClient
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="package")
def process() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(process: SandboxProcess) -> Iterator[SandboxProcess]:
    process.reset()
    yield process
    process.control(up=True)


@pytest.fixture
def client(sandbox: SandboxProcess) -> Iterator[SlantClient]:
    client = SlantClient(sandbox.base_url, sandbox.token, connect_timeout=1, total_timeout=5)
    yield client
    client.close()
