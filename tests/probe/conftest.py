"""One sandbox behind a real socket for all of these tests, its switches turned between them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from opportunities.probe import Finding, ProbeOptions, Prober, run_probe
from opportunities.slant.client import SlantClient
from tests.sandbox_process import SandboxProcess

BOOK = "bk_pine01"
WRITE = ProbeOptions(book_id=BOOK, write=True, looks=(0.0, 0.1, 0.2))

Look = Callable[..., dict[str, Finding]]


@pytest.fixture(scope="session")
def _one_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_one_sandbox: SandboxProcess) -> SandboxProcess:
    """As it was started."""
    _one_sandbox.reset()
    return _one_sandbox


@pytest.fixture
def look(sandbox: SandboxProcess) -> Look:
    """Probe it and answer the findings by topic."""

    def probed(
        ask: ProbeOptions = WRITE, *, token: str = sandbox.token, **options: Any
    ) -> dict[str, Finding]:
        client = SlantClient(sandbox.base_url, token, total_timeout=options.pop("total_timeout", 5.0))
        report = run_probe(Prober(client, **options), ask)
        client.close()
        return {finding.topic: finding for finding in report.findings}

    return probed
