"""Who comes in, what Slant holds, and a name for each deal that no other test uses."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.pages import NewForm, Slant
from tests.support.browser import SignIn
from tests.support.processes import Installation, wait_until

PATIENCE_MS = 15_000
NUMBERS = itertools.count(1)


class ComeIn(Protocol):
    def __call__(self, persona: str = "sales", *, path: str = "", **context: Any) -> Page: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shots", metavar="DIR", help="also take a picture of each page and state, into DIR")


@pytest.fixture(scope="session")
def base_url(shared_installation: Installation) -> str:
    """In place of Playwright's own, which is written in a way that pytest 9 warns of."""
    return shared_installation.url


@pytest.fixture(scope="session", autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Cookies of those who signed in already, so that each test need not."""
    return {}


@pytest.fixture
def come_in(
    new_context: Callable[..., BrowserContext], signed_in_page: SignIn, sessions: dict[str, Any]
) -> ComeIn:
    """`come_in("viewer", path="/submissions/", java_script_enabled=False)`: a page in its own context."""

    def build(persona: str = "sales", *, path: str = "", **context: Any) -> Page:
        if persona not in sessions:
            page = signed_in_page(persona)
            sessions[persona] = page.context.storage_state()
            page.context.close()
        own = new_context(storage_state=sessions[persona], **context)
        own.set_default_timeout(PATIENCE_MS)
        page = own.new_page()
        if path:
            page.goto(path)
        return page

    return build


@pytest.fixture
def slant(installation: Installation) -> Iterator[Slant]:
    """What Slant holds. Deals of an earlier test arrive first: they would use up this test's faults."""
    wait_until(lambda: not on_their_way(installation), *installation.processes.values())
    yield Slant(installation.sandbox)
    installation.sandbox.control(reset="faults", up=True, clock={"offset_s": 0})


def on_their_way(installation: Installation) -> int:
    queue = requests.get(f"{installation.url}/readyz", timeout=10).json()["queue"]
    return int(queue["queued"] + queue["sending"] + queue["unknown"])


@pytest.fixture
def new_form(come_in: ComeIn) -> NewForm:
    """The form as Theo opens it."""
    return NewForm(come_in()).open()


@pytest.fixture
def deal_name(request: pytest.FixtureRequest) -> str:
    return f"Deal {next(NUMBERS)} {request.node.originalname.removeprefix('test_').replace('_', ' ')}"[
        :60
    ].rstrip()


@pytest.fixture(scope="session")
def shots(request: pytest.FixtureRequest) -> Path | None:
    chosen = request.config.getoption("--shots", default=None)
    if chosen:
        Path(chosen).mkdir(parents=True, exist_ok=True)
    return Path(chosen) if chosen else None
