"""`manage.py doctor`: a line for each look, what to do about it, and an exit code for scripts."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import responses
from django.core.management import call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from opportunities.clock import SystemClock
from opportunities.doctor import database, examination, machine
from opportunities.doctor.diagnosis import Level, Plan, Process
from opportunities.runtime import grants, static_files
from tests.support.environment import ROOT

pytestmark = pytest.mark.django_db
WEB, WORKER = Plan(Process.WEB), Plan(Process.WORKER)
ISSUER = "https://sign-on.firm.example"
PROVIDER = dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), f"{ISSUER}/x")
POSTGRESQL = pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="asks PostgreSQL")


@pytest.fixture
def firm_settings(settings: Settings, tmp_path: Path) -> Settings:
    """As a firm has them, and nothing wrong that the settings alone can tell."""
    settings.DEMO, settings.VAR_DIR = False, tmp_path
    settings.ALLOWED_HOSTS, settings.SITE_URL = ["deals.firm.example"], "https://deals.firm.example"
    settings.TRUSTED_PROXIES, settings.CSRF_TRUSTED_ORIGINS = ["127.0.0.1"], []
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = ISSUER, "slantweb", "secret"
    settings.OIDC_GROUPS = {"sales": ["crm-sales"], "manager": [], "compliance": []}
    settings.SLANT_API_TOKEN, settings.SLANT_API_TOKEN_FILE = "slnt_pat_theirs", str(tmp_path / "token")
    (tmp_path / "token").write_text("slnt_pat_theirs")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "checkpoints").mkdir()
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    return settings


def found(name: str, plan: Plan) -> list[tuple[Level, str]]:
    return [(line.level, line.words) for line in examination.LOOKS[name](plan)]


def run_doctor(*arguments: str) -> tuple[int, list[str]]:
    said = StringIO()
    try:
        call_command("doctor", *arguments, stdout=said)
    except SystemExit as ended:
        return int(str(ended.code)), said.getvalue().splitlines()
    return 0, said.getvalue().splitlines()


def only(words: list[tuple[Level, str]], level: Level, part: str) -> None:
    assert [line for line in words if line[0] == level and part in line[1]], words


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        (["ok", "warning"], 0),
        (["ok", "problem"], 1),
        (["problem", "not seen"], 2),
    ],
)
def test_a_line_for_each_look_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, levels: list[str], code: int
) -> None:
    def look(plan: Plan, level: str) -> Iterator[examination.Diagnosis]:
        yield examination.Diagnosis(Level(level), f"as the {plan.process}")

    looks = {f"look {number}": partial(look, level=level) for number, level in enumerate(levels)}
    monkeypatch.setattr(examination, "LOOKS", looks)

    assert run_doctor("--for", "web") == (
        code,
        [f"{level:<9} look {number}: as the web" for number, level in enumerate(levels)],
    )


def test_a_database_that_is_away_is_not_seen_and_the_rest_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(plan: Plan) -> Iterator[examination.Diagnosis]:
        raise OperationalError("connection refused\nIs the server running?")
        yield

    monkeypatch.setattr(examination, "LOOKS", {"database": away, "disk": machine.look_at_disk})
    code, lines = run_doctor()

    assert code == 2
    assert lines[0] == "not seen  database: the database does not tell: connection refused"
    assert lines[1].split()[1] == "disk:"


def test_migrations_that_did_not_run() -> None:
    assert found("migrations", WORKER) == [(Level.OK, "all ran")]

    newest = max(path.stem for path in (ROOT / "opportunities" / "migrations").glob("0*.py"))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("DELETE FROM django_migrations WHERE name = %s", [newest])
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('opportunities', '9999_of_later', '2026-12-01')"
        )

    words = found("migrations", WORKER)
    only(words, Level.PROBLEM, f"opportunities.{newest}")
    only(words, Level.WARNING, "newer version than this code: it has 9999_of_later")


@POSTGRESQL
def test_the_rights_of_the_role() -> None:
    assert found("rights", WORKER) == [
        (Level.OK, "slantweb_app may do what slantweb_app should, and no more")
    ]
    only(found("rights", WEB), Level.WARNING, "the web uses the worker's role")

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        cursor.execute("GRANT DELETE ON opportunities_auditevent TO slantweb_web")
        cursor.execute("REVOKE INSERT ON opportunities_draft FROM slantweb_web")
        cursor.execute(f"SET LOCAL ROLE {grants.WEB}")

    words = found("rights", WEB)
    only(words, Level.PROBLEM, "slantweb_web may DELETE opportunities_auditevent")
    only(
        words,
        Level.PROBLEM,
        "slantweb_web may not INSERT opportunities_draft. As the owner: manage.py grants.",
    )


@POSTGRESQL
def test_a_superuser_and_too_few_connections() -> None:
    only(found("database", WEB), Level.OK, "as slantweb_app")
    only(found("connections", WEB), Level.OK, "2 web processes, 2 workers and 5 others want 39")
    only(found("connections", Plan(Process.WEB, webs=20)), Level.PROBLEM, "want 183, max_connections leaves")

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        only(
            found("database", WEB),
            Level.PROBLEM,
            "is a superuser, who may rewrite the trail. Let DATABASE_URL",
        )


def test_sqlite_is_for_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connection), "vendor", "sqlite", raising=False)

    only(found("database", WEB), Level.WARNING, "the web can read the token")
    assert found("rights", WEB) == found("connections", WEB) == []


def test_a_clock_that_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    only(found("clock", WEB), Level.OK, "within half a minute")
    now = SystemClock().now()
    monkeypatch.setattr(database.SystemClock, "now", lambda self: now + timedelta(hours=2))

    only(found("clock", WEB), Level.PROBLEM, "s apart. Let both follow a time")


def test_secrets_are_for_the_worker_alone(firm_settings: Settings, tmp_path: Path) -> None:
    token, key = tmp_path / "token", tmp_path / "key"
    only(found("secrets", WORKER), Level.OK, "the token's file is for one user")
    only(found("secrets", WORKER), Level.WARNING, "AUDIT_SIGNING_KEY_FILE can name one")
    only(found("secrets", WEB), Level.PROBLEM, f"the web can read {token}")

    token.chmod(0o640)
    firm_settings.AUDIT_SIGNING_KEY_FILE = str(key)
    words = found("secrets", WORKER)
    only(words, Level.PROBLEM, "has the mode 640: others can read it. chmod 600")
    only(words, Level.PROBLEM, "the trail's key cannot be used")

    firm_settings.SLANT_API_TOKEN_FILE = ""
    only(found("secrets", WEB), Level.PROBLEM, "the web's variables hold SLANT_API_TOKEN")
    firm_settings.SLANT_API_TOKEN = ""
    only(found("secrets", WORKER), Level.PROBLEM, "the worker has no token")
    assert [level for level, _ in found("secrets", WEB)] == [Level.OK]


def test_static_files_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    only(found("static files", WEB), Level.OK, "collected")
    monkeypatch.setattr(static_files, "find_uncollected", lambda: ("a.css", "b.css", "c.css", "d.css"))

    only(found("static files", WEB), Level.PROBLEM, "a.css, b.css, c.css and 1 more not collected")
    assert found("static files", WORKER) == []


def test_the_folder_of_checkpoints_and_the_disk(
    firm_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(found("checkpoints", WORKER), Level.OK, str(tmp_path))
    monkeypatch.setattr(machine, "LITTLE_BYTES", 2**62)
    only(found("disk", WORKER), Level.PROBLEM, "a full disk stops all work")

    monkeypatch.setattr(machine.os, "access", lambda path, mode: False)
    only(found("checkpoints", WORKER), Level.PROBLEM, "this user may not write to")
    only(found("checkpoints", WEB), Level.PROBLEM, "this user may not read")
    (tmp_path / "checkpoints").rmdir()
    only(found("checkpoints", WORKER), Level.PROBLEM, "there is no folder")
    firm_settings.AUDIT_CHECKPOINT_DIR = ""
    only(found("checkpoints", WORKER), Level.WARNING, "AUDIT_CHECKPOINT_DIR is not set")


def test_proxies_and_names(firm_settings: Settings) -> None:
    assert found("proxies", WEB) == [(Level.OK, "https://deals.firm.example behind 127.0.0.1")]

    firm_settings.TRUSTED_PROXIES = []
    firm_settings.SITE_URL = "http://deals.elsewhere.example"
    firm_settings.CSRF_TRUSTED_ORIGINS = ["http://deals.firm.example"]
    words = found("proxies", WEB)
    only(words, Level.WARNING, "every page redirects to itself for ever")
    only(words, Level.PROBLEM, "ALLOWED_HOSTS refuses that name")
    only(words, Level.PROBLEM, "which is not https: nobody can post from it")


@responses.activate
def test_the_sign_on_provider(firm_settings: Settings) -> None:
    address = f"{ISSUER}/.well-known/openid-configuration"
    responses.get(address, json={"issuer": ISSUER, **PROVIDER})
    only(found("sign-on", WEB), Level.OK, "describes itself")

    responses.replace(responses.GET, address, json={"issuer": f"{ISSUER}/", **PROVIDER})
    only(found("sign-on", WEB), Level.PROBLEM, "must be its issuer, letter for letter")
    responses.replace(responses.GET, address, status=404)
    only(found("sign-on", WEB), Level.PROBLEM, "does not answer as a provider (HTTPError)")
    late = {"Date": "Tue, 01 Dec 2020 00:00:00 GMT"}
    responses.replace(responses.GET, address, json={"issuer": ISSUER, **PROVIDER}, headers=late)
    only(found("sign-on", WEB), Level.PROBLEM, "sign-in fails")
    firm_settings.OIDC_GROUPS = {"sales": [], "manager": [], "compliance": []}
    only(found("sign-on", WEB), Level.PROBLEM, "no group and no address has a role")
    firm_settings.OIDC_CLIENT_SECRET = ""
    only(found("sign-on", WEB), Level.PROBLEM, "OIDC_CLIENT_SECRET not set")


def test_the_mail_server(firm_settings: Settings) -> None:
    firm_settings.ALERT_EMAILS = []
    only(found("mail", WEB), Level.WARNING, "nobody is told")
    firm_settings.ALERT_EMAILS = ["lead@firm.example"]
    only(found("mail", WEB), Level.WARNING, "alerts stand in the log alone")
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        firm_settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        firm_settings.EMAIL_HOST, firm_settings.EMAIL_PORT = "127.0.0.1", plug.getsockname()[1]
        only(found("mail", WEB), Level.PROBLEM, "takes no mail (ConnectionRefusedError). Look at EMAIL_URL.")


@contextmanager
def slant(status: int, me: dict[str, Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(me).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "access", "level", "words"),
    [
        (200, True, Level.OK, "lets it write"),
        (200, False, Level.PROBLEM, "the token is read-only"),
        (401, None, Level.PROBLEM, "Slant refuses the token"),
        (500, None, Level.PROBLEM, "Slant cannot be asked"),
    ],
)
def test_slant_and_what_the_token_may(
    firm_settings: Settings, status: int, access: bool | None, level: Level, words: str
) -> None:
    me = {"id": "us_1", "email": "a@firm.example", "api_access": {"can_write": access}}
    with slant(status, me) as firm_settings.SLANT_BASE_URL:
        only(found("Slant", WORKER), level, words)
        assert found("Slant", WEB) == []
