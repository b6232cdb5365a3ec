"""A real Chromium, people signed in to the shared installation, and a watch on every page.

Every page of a browser test is watched: an error on the console, an exception in a script, a violation of the
content security policy, a missing asset, an answer of 5xx, a request to anybody else or a value kept in the
browser's storage fails the test in which it happened. Browser tests never touch the database; they look at
pages, and at the sandbox's ledger.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.support import provision
from tests.support.processes import Installation

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
# Chromium writes every refused answer to the console, and the tests want the server to refuse bad input. htmx
# writes there too when a newer request replaces an older one (`hx-sync`), as in a search. A request that
# really failed writes another line.
EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of 4\d\d|htmx:(afterRequest|sendAbort), "
)
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  const place = `${event.sourceFile}:${event.lineNumber}`;
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI} at ${place}`);
});
"""
# What stays in a browser after a session may be client data.
REPORT_STORAGE = """
for (const [kind, method] of [[Storage, "setItem"], [IDBFactory, "open"]]) {
  const real = kind.prototype[method];
  kind.prototype[method] = function (name, ...rest) {
    console.error(`storage: ${kind.name} ${name}`);
    return real.call(this, name, ...rest);
  };
}
"""


class Watch:
    """The errors in the pages of one test."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self._forgiven: list[re.Pattern[str]] = []
        self._looking = True

    def forgive(self, pattern: str) -> None:
        """Ignore errors that match `pattern`, because the test causes them on purpose."""
        self._forgiven.append(re.compile(pattern))

    @contextmanager
    def looking_away(self, page: Page) -> Iterator[None]:
        """Ignore errors during the block, because a tool of the tests causes them and not the page."""
        self._looking = False
        yield
        # Events arrive in order, so after this answer those of the block have arrived.
        page.evaluate("0")
        self._looking = True

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(REPORT_VIOLATIONS)
        context.add_init_script(REPORT_STORAGE)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def unforgiven(self) -> list[str]:
        return [
            problem
            for problem in self.problems
            if not any(pattern.search(problem) for pattern in self._forgiven)
        ]

    def _note(self, problem: str) -> None:
        if self._looking:
            self.problems.append(problem)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.match(message.text):
            self._note(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if (
            parts.scheme in ("http", "https", "ws", "wss")
            and f"{parts.scheme}://{parts.netloc}" != self.origin
        ):
            self._note(f"third party: {request.url}")

    def _response(self, response: Response) -> None:
        asset = urlsplit(response.url).path.startswith("/static/")
        if response.status >= (400 if asset else 500):
            self._note(f"answer: {response.status} {response.url}")


class SignIn(Protocol):
    def __call__(self, persona: str, *, next: str = "/", **context: Any) -> Page: ...


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    path = provision.browser(install=False)
    return browser_type_launch_args | {"executable_path": path, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    # Animations would only slow down the tests, and the pages promise to respect reduced motion.
    return browser_context_args | {"reduced_motion": "reduce"}


@pytest.fixture
def watch(installation: Installation) -> Iterator[Watch]:
    watch = Watch(installation.url)
    yield watch
    assert watch.unforgiven() == []


@pytest.fixture
def new_context(
    browser: Browser, watch: Watch, new_context: Callable[..., BrowserContext]
) -> Callable[..., BrowserContext]:
    """Playwright's own, with the watch over each context it makes."""

    def build(**options: Any) -> BrowserContext:
        context = new_context(**options)
        watch.over(context)
        return context

    return build


@pytest.fixture
def signed_in_page(new_context: Callable[..., BrowserContext]) -> SignIn:
    """`signed_in_page("sales", next="/opportunities/new/", java_script_enabled=False, color_scheme="dark")`.

    Each call opens a separate browser context, so that one test can have two people.
    """

    def sign_in(persona: str, *, next: str = "/", **context: Any) -> Page:
        page = new_context(**context).new_page()
        page.goto(f"/demo/sign-in/?next={next}")
        page.locator(f'button[name="persona"][value="{persona}"]').click()
        page.wait_for_url(re.compile(r"^(?!.*/demo/sign-in/)http.*"))
        return page

    return sign_in


class Axe(Protocol):
    def __call__(self, page: Page, *rules: str) -> None: ...


@pytest.fixture
def axe(watch: Watch) -> Axe:
    """`axe(page)` fails with every accessibility problem it finds, and how to fix it. `rules`: check only
    these.
    """

    def check(page: Page, *rules: str) -> None:
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": rules}
        # axe measures by setting styles, which the policy refuses and reports.
        with watch.looking_away(page):
            if not page.evaluate("() => Boolean(window.axe)"):
                page.evaluate(AXE_SCRIPT)
            found = page.evaluate("options => axe.run(document, options)", options)["violations"]
        barriers = [
            f"{violation['id']}: {violation['help']}\n    {node['html'][:200]}\n    {node['failureSummary']}"
            for violation in found
            for node in violation["nodes"]
        ]
        assert not barriers, "\n".join([page.url, *barriers])

    return check
