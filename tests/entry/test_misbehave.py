"""The demo's page that makes the sandbox misbehave, against the sandbox's own switches."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from opportunities.demo.sandbox_control import BEHAVIOURS
from opportunities.models import Person
from opportunities.sandbox import control
from opportunities.sandbox.store import Store

pytestmark = pytest.mark.django_db

PAGE = "/demo/misbehave/"


class Switches(BaseHTTPRequestHandler):
    """`/_control` over http, with the sandbox's own rules behind it and no Slant beside it."""

    store: Store
    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            control.apply(self.store, Store(), sent, 0.0)
        except control.NotUnderstood as problem:
            return self._answer(422, {"detail": str(problem)})
        return self._answer(200)

    def _answer(self, status: int, body: dict[str, Any] | None = None) -> None:
        self.asked.append((self.command, self.path))
        text = json.dumps(body or control.show(self.store.control)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        """Not into the test's output."""


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[type[Switches]]:
    handler = type("Handler", (Switches,), {"store": Store(), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.SLANT_BASE_URL = f"http://127.0.0.1:{server.server_port}/v1"
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def inside(owner: Person, signed_in: Callable[[Person], Client]) -> Client:
    return signed_in(owner)


@pytest.mark.parametrize("mischief", BEHAVIOURS, ids=lambda mischief: mischief.key)
def test_each_choice_is_understood_by_the_sandbox_and_shown(
    sandbox: type[Switches], inside: Client, mischief: Any
) -> None:
    response = inside.post(PAGE, {"mischief": mischief.key})
    page = inside.get(PAGE)

    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert page.context["present"] == mischief
    assert mischief.what in page.text
    assert mischief.then in page.text


def test_each_choice_begins_from_good_behaviour(sandbox: type[Switches], inside: Client) -> None:
    for key in ("down", "slow", "limited", "lost", "normal"):
        inside.post(PAGE, {"mischief": key})

    assert control.show(sandbox.store.control) == control.show(Store().control)


def test_what_the_choices_do(sandbox: type[Switches], inside: Client) -> None:
    def after(key: str) -> Any:
        inside.post(PAGE, {"mischief": key})
        return sandbox.store.control

    assert after("down").up is False
    assert after("slow").latency_ms == 4000
    (lost,) = after("lost").faults
    assert (lost.kind, lost.method, lost.path, lost.times) == ("drop_after", "POST", "/v1/opportunities", 1)
    (limited,) = after("limited").faults
    assert (limited.kind, limited.retry_after, limited.times) == ("rate_limit", 30, None)


def test_slant_itself_is_never_called(sandbox: type[Switches], inside: Client) -> None:
    inside.get(PAGE)
    inside.post(PAGE, {"mischief": "down"})

    assert set(sandbox.asked) == {("GET", "/_control"), ("POST", "/_control")}


@pytest.mark.parametrize("data", [{}, {"mischief": "explode"}])
def test_an_unknown_choice_changes_nothing(
    sandbox: type[Switches], inside: Client, data: dict[str, str]
) -> None:
    response = inside.post(PAGE, data)

    assert response.status_code == 422
    assert control.show(sandbox.store.control) == control.show(Store().control)


def test_where_there_is_no_sandbox_the_page_says_so(inside: Client) -> None:
    assert "No sandbox answered" in inside.get(PAGE).text
    refused = inside.post(PAGE, {"mischief": "down"})
    assert (refused.status_code, "No sandbox answered" in refused.text) == (422, True)


def test_the_switches_may_have_a_port_of_their_own(
    sandbox: type[Switches], inside: Client, settings: Settings
) -> None:
    settings.SANDBOX_CONTROL_URL = settings.SLANT_BASE_URL.removesuffix("/v1")
    settings.SLANT_BASE_URL = "http://127.0.0.1:9/v1"

    inside.post(PAGE, {"mischief": "down"})

    assert sandbox.store.control.up is False


@pytest.mark.parametrize("name", ["SLANT_BASE_URL", "SANDBOX_CONTROL_URL"])
@pytest.mark.parametrize(
    "url", ["https://api.slant.example/v1", "http://192.0.2.1/v1", "https://127.0.0.1:9/v1"]
)
def test_only_plain_http_on_this_machine_is_asked(
    inside: Client, settings: Settings, name: str, url: str
) -> None:
    """The suite's network guard would turn any other attempt into a failure."""
    setattr(settings, name, url)

    assert "No sandbox answered" in inside.get(PAGE).text


def test_outside_the_demo_the_page_does_not_exist(
    sandbox: type[Switches], inside: Client, settings: Settings
) -> None:
    settings.DEMO, settings.SECURE_SSL_REDIRECT = False, False
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "https://sign-on.example", "slantweb"

    assert inside.post(PAGE, {"mischief": "down"}).status_code == 404
    assert sandbox.asked == []
