"""Three ways to use the sandbox: its rules in this process, a shared process, a process of a test's own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from opportunities.sandbox import sample
from opportunities.sandbox.store import Store
from tests.sandbox.desk import NOW, Desk
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def start() -> Store:
    """The sample world. Whoever changes it takes a copy."""
    return sample.build(now=NOW)


@pytest.fixture
def desk(start: Store) -> Desk:
    """The rules over a fresh world, at a clock that stands still."""
    return Desk(start.copy(), start)


@pytest.fixture(scope="session")
def _shared_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_shared_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    """A running sandbox, as it was started."""
    _shared_sandbox.reset()
    yield _shared_sandbox
    _shared_sandbox.reset()


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., SandboxProcess]]:
    """Start sandboxes of this test alone, with options."""
    started: list[SandboxProcess] = []

    def start(**options: Any) -> SandboxProcess:
        sandbox = SandboxProcess()
        sandbox.start(**options)
        started.append(sandbox)
        return sandbox

    yield start
    for sandbox in started:
        sandbox.stop()
