"""Each answer carries the whole set of security headers, whatever the answer is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from opportunities.models import Person
from tests.support.environment import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.entry.odd_urls")]

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "report-uri /csp-report/",
}
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def assert_whole(response: HttpResponse) -> None:
    assert set(response["Content-Security-Policy"].split("; ")) == POLICY
    assert {name: response[name] for name in FIXED} == FIXED
    assert "camera=()" in response["Permissions-Policy"]
    assert response["X-Request-ID"]


ANSWERS = [
    ("get", "/healthz", 200),
    ("get", "/readyz", 503),
    ("get", "/metrics", 404),
    ("get", "/demo/sign-in/", 200),
    ("post", "/demo/sign-in/", 422),
    ("get", "/sign-in/", 302),
    ("get", "/sign-out/", 405),
    ("post", "/csp-report/", 204),
    ("get", "/static/no-such-file.css", 404),
    ("get", "/odd/page/", 200),
    ("get", "/odd/forbidden/", 403),
    ("get", "/odd/missing/", 404),
    ("get", "/odd/unreadable/", 400),
    ("get", "/odd/breaks/", 500),
]


@pytest.mark.parametrize("fragment", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer(manager: Person, method: str, path: str, status: int, fragment: dict[str, str]) -> None:
    client = Client(raise_request_exception=False)
    if path.startswith("/odd"):
        client.force_login(manager)

    response = getattr(client, method)(path, headers=fragment)

    assert response.status_code == status
    assert_whole(response)
    assert response["Cache-Control"] == "no-store"
    assert "HX-Request" in response["Vary"]


def test_refusals_at_the_door_too(client: Client) -> None:
    for response in (
        client.get("/odd/page/"),
        client.get("/odd/page/", headers={"HX-Request": "true"}),
        client.get("/odd/page/", REMOTE_ADDR="10.0.0.7"),
        client.get("/odd/page/", headers={"Host": "evil.example"}),
        client.post("/odd/page/", CONTENT_LENGTH="999999"),
        client.post("/odd/page/", CONTENT_LENGTH="many"),
        client.post("/odd/page/", headers={"Transfer-Encoding": "chunked"}),
        Client(enforce_csrf_checks=True).post("/demo/sign-in/"),
    ):
        assert response.status_code >= 300
        assert_whole(response)
        assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("css/theme.css", 'text/css; charset="utf-8"'),
        ("js/session.js", 'text/javascript; charset="utf-8"'),
        ("img/icons.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_static_files_may_be_stored_and_no_other_site_reads_them(
    client: Client, settings: Settings, file: str, kind: str
) -> None:
    settings.WHITENOISE_USE_FINDERS = True

    response = client.get(f"/static/{file}")

    assert_whole(response)
    assert response["Content-Type"] == kind
    assert "no-store" not in response["Cache-Control"]
    assert "Access-Control-Allow-Origin" not in response
    response.close()


@pytest.mark.parametrize("path", ["", "css/", "css", "../manage.py", "%2e%2e/manage.py", ".git/config"])
def test_no_folder_is_listed_and_nothing_beside_static_files_is_served(
    client: Client, settings: Settings, path: str
) -> None:
    settings.WHITENOISE_USE_FINDERS = True

    assert client.get(f"/static/{path}").status_code == 404


def test_in_production_everything_goes_over_https_and_says_so(client: Client, settings: Settings) -> None:
    settings.DEMO, settings.SECURE_SSL_REDIRECT = False, True
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 63072000, True
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "https://sign-on.example", "slantweb"

    plain, over_tls = client.get("/signed-out/"), client.get("/signed-out/", secure=True)

    assert (plain.status_code, plain["Location"]) == (301, "https://testserver/signed-out/")
    assert_whole(plain)
    assert over_tls["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"
    for refused in (
        client.post("/signed-out/", secure=True, CONTENT_LENGTH="999999"),
        client.get("/signed-out/", secure=True, headers={"Host": "evil.example"}),
    ):
        assert refused.status_code in (400, 413)
        assert_whole(refused)
        assert refused["Strict-Transport-Security"] == over_tls["Strict-Transport-Security"]
    assert client.get("/healthz").status_code == 200


def test_a_program_that_sends_its_secret_over_plain_http_is_refused(
    client: Client, settings: Settings
) -> None:
    """A redirect would work, and nobody would see that the secret went over the wire in the clear."""
    settings.DEMO, settings.SECURE_SSL_REDIRECT = False, True
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = "https://sign-on.example", "slantweb"
    settings.METRICS_TOKEN = "a-token-for-the-metrics"
    bearer = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}

    for response in (
        client.get("/metrics", headers=bearer),
        client.post("/sign-in/back-channel-logout/", {"logout_token": "x"}),
    ):
        assert (response.status_code, "Location" in response) == (403, False)
        assert_whole(response)
    assert client.get("/metrics", headers=bearer, secure=True).status_code == 200


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(client: Client) -> None:
    client.get("/demo/sign-in/")
    client.post("/demo/sign-in/", {"persona": "manager"})
    client.post("/settings/mine/", {"theme": "dark"})

    assert set(client.cookies) == {"sessionid", "csrftoken", "theme"}
    for cookie in client.cookies.values():
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
        assert len(cookie.OutputString()) < 4096


def test_in_production_the_cookie_of_the_look_is_this_hosts_too(
    signed_in: Callable[[Person], Client], manager: Person, settings: Settings
) -> None:
    """The names are read once, at start: tests/entry/test_production.py. One place sets a cookie by hand."""
    settings.THEME_COOKIE_NAME, settings.SESSION_COOKIE_SECURE = "__Host-theme", True

    cookie = signed_in(manager).post("/settings/mine/", {"theme": "dark"}).cookies["__Host-theme"]

    assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (True, True, "/", "")
    code = [*(ROOT / "opportunities").rglob("*.py"), *(ROOT / "slantweb").rglob("*.py")]
    setting = [path.name for path in code if "set_cookie(" in path.read_text()]
    assert setting == ["shell.py"]


def test_a_number_a_trusted_proxy_gave_is_kept_and_any_other_replaced(client: Client, settings: Any) -> None:
    def numbered(given: str) -> str:
        return str(client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"])

    assert len(numbered("lb-4f2a.91")) == 16, "sent by the browser itself"
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    client.handler.load_middleware()

    assert numbered("lb-4f2a.91") == "lb-4f2a.91"
    for strange in ("", "short", "x" * 65, 'a"b{}cdefgh', "línea-1234", "two words here"):
        assert len(numbered(strange)) == 16
        assert numbered(strange) != strange


@pytest.fixture
def seen_address(signed_in: Callable[[Person], Client], manager: Person) -> Callable[..., str]:
    """The address the trail would note for a request."""
    from opportunities.models import AuditEvent

    def ask(remote: str, **forwarded: str) -> str:
        client = signed_in(manager)
        client.post("/sign-out/", REMOTE_ADDR=remote, headers=forwarded)
        return AuditEvent.objects.order_by("seq").last().source_ip  # type: ignore[union-attr]

    return ask


def test_forwarded_addresses_count_from_trusted_proxies_alone(
    seen_address: Callable[..., str], settings: Settings
) -> None:
    settings.DEMO, settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = (
        False,
        "https://sign-on.example",
        "slantweb",
    )
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "192.0.2.9"]
    forged = {"X-Forwarded-For": "203.0.113.5"}

    assert seen_address("198.51.100.1", **forged) == "198.51.100.1"
    assert seen_address("10.1.2.3", **forged) == "203.0.113.5"
    assert seen_address("192.0.2.9", **{"X-Forwarded-For": "1.1.1.1, 203.0.113.5, 10.9.9.9"}) == "203.0.113.5"
    assert seen_address("10.1.2.3", **{"X-Forwarded-For": "1.1.1.1, nonsense"}) == "10.1.2.3"
    assert seen_address("10.1.2.3", **{"X-Forwarded-For": "10.0.0.1"}) == "10.0.0.1"
    assert seen_address("10.1.2.3") == "10.1.2.3"


def test_without_trusted_proxies_nobody_is_believed(
    seen_address: Callable[..., str], settings: Settings
) -> None:
    settings.DEMO, settings.OIDC_ISSUER = False, "https://sign-on.example"
    settings.OIDC_CLIENT_ID = "slantweb"

    assert seen_address("127.0.0.1", **{"X-Forwarded-For": "203.0.113.5"}) == "127.0.0.1"


@pytest.mark.parametrize(("remote", "secure"), [("10.1.2.3", True), ("198.51.100.1", False)])
def test_only_a_trusted_proxy_can_say_that_the_browser_came_over_https(
    client: Client, settings: Settings, remote: str, secure: bool
) -> None:
    settings.DEMO, settings.SECURE_SSL_REDIRECT = False, True
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    response = client.get("/signed-out/", REMOTE_ADDR=remote, headers={"X-Forwarded-Proto": "https"})

    assert (response.status_code == 301) is not secure


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_text_names_its_charset(manager: Person, method: str, path: str, status: int) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(manager)

    response = getattr(client, method)(path)

    kind = response.headers.get("Content-Type", "")
    assert not kind.startswith("text/") or "charset=utf-8" in kind.lower()
    assert kind or not response.content
