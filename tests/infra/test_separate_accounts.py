"""Whoever has the web's account and database role: no token, no key, no call but by a submission."""

import json
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.infra.accounts import WATCHED_WEB, WEB_OF_ANOTHER, account_for_web, another_account
from tests.support.databases import WEB_ROLE
from tests.support.environment import ROOT
from tests.support.processes import WRITE_TOKEN, Installation, Process, Template, wait_until
from tests.support.visitor import Visitor

pytestmark = pytest.mark.process
# Nothing is asked of Slant by itself meanwhile, so that every call has another cause.
QUIET_WORKER = {"SYNC_SECONDS": "3600"}


@pytest.fixture(scope="module")
def installation(
    installation_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation whose worker reads token and signing key from files, as docs/operations.md has it."""
    folder = tmp_path_factory.mktemp("worker")
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for name, content in {"token": WRITE_TOKEN.encode(), "key": pem}.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)
    files = {"SLANT_API_TOKEN_FILE": str(folder / "token"), "AUDIT_SIGNING_KEY_FILE": str(folder / "key")}
    home = tmp_path_factory.mktemp("home")
    with Installation(
        home, installation_template, **QUIET_WORKER, SLANT_API_TOKEN="", **files
    ) as installation:
        yield installation


def secret_files(installation: Installation) -> list[Path]:
    """Of the worker alone: the token, the signing key, and the keys it remembers of events' MACs."""
    names = ("SLANT_API_TOKEN_FILE", "AUDIT_SIGNING_KEY_FILE")
    return [*(Path(installation.settings[name]) for name in names), installation.home / "audit-event-keys"]


def attack(*, files: list[str], url: str = "", statements: list[str] = []) -> dict[str, Any]:  # noqa: B006
    asked = {"uid": another_account(), "files": files, "url": url, "statements": statements}
    done = subprocess.run(
        [sys.executable, "-m", "tests.infra.attacker"],
        cwd=ROOT,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verify(installation: Installation) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "manage.py", "verify_audit"]
    return subprocess.run(command, cwd=ROOT, env=installation.environment, capture_output=True)


def test_another_account_reads_neither_token_nor_key_nor_the_worker(installation: Installation) -> None:
    worker = installation.processes["worker"].popen.pid
    files = secret_files(installation)
    # Its sign-in is an event, which the worker checks before it vouches for it.
    Visitor(installation.url)
    wait_until(files[-1].exists, installation.processes["worker"])

    for file in files:
        # Where the tests may not become somebody else, this says the same.
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    if not another_account():
        return
    for folder in {file.parent for file in files}:
        folder.chmod(0o711)
    found = attack(
        files=[*map(str, files), f"/proc/{worker}/environ", f"/proc/{worker}/mem", f"/proc/{worker}/maps"]
    )

    assert found["uid"] != os.getuid()
    assert set(found["files"].values()) == {"refused: PermissionError"}


def test_the_web_process_opens_neither_token_nor_key_though_it_could(
    installation: Installation, tmp_path: Path
) -> None:
    noted, files = tmp_path / "noted", secret_files(installation)
    installation.processes.pop("web").stop()
    command = ["--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{installation.port}"]
    watched = {"WATCHED": ":".join(map(str, files)), "NOTED": str(noted)}
    installation.processes["web"] = Process(
        "web",
        [sys.executable, "-c", WATCHED_WEB, *command],
        installation.web_environment | watched,
        installation.home / "watched-web.log",
    )
    installation.wait_until_ready()

    visitor = Visitor(installation.url)
    visitor.waits_for(visitor.send(visitor.form()), "confirmed")
    auditor = Visitor(installation.url, persona="compliance")
    for path in ("/audit/", "/audit/export/?format=zip", "/audit/export/?format=jsonl"):
        answer = auditor.session.get(installation.url + path, timeout=20)
        assert (answer.status_code, len(answer.content) > 100) == (200, True)

    assert not noted.exists(), noted.read_text()
    # Each has signed its events by a key of its own, which the worker's account finds good.
    verified = verify(installation)
    assert (verified.returncode, verified.stdout[:5]) == (0, b"Good:"), verified.stdout
    assert b"not checked" not in verified.stdout
    # The worker has used both meanwhile.
    assert list((installation.home / "checkpoints").glob("*.json"))


# On PostgreSQL: what the role of the web cannot do, whatever SQL it sends

IN_A_ROLE = pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="a run on PostgreSQL")
REFUSED = [
    "SELECT pg_read_file('{token}')",
    "SELECT pg_read_binary_file('{key}')",
    "CREATE TEMP TABLE stolen (line text); COPY stolen FROM '{token}'",
    "COPY (SELECT 1) TO PROGRAM 'cat {token} > {out}'",
    "SELECT lo_import('{key}')",
    "SET ROLE slantweb_app",
    "CREATE TABLE task (queue text, data bytea)",
    "CREATE FUNCTION run() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "UPDATE opportunities_instance SET me_checked_at = NULL, slant_base_url = 'https://elsewhere.example/v1'",
    "UPDATE opportunities_syncstate SET started_at = NULL, finished_at = NULL",
    "DELETE FROM opportunities_syncstate",
    "UPDATE opportunities_budget SET minutes = '{{}}'",
    "UPDATE opportunities_heartbeat SET at = now() - interval '1 day'",
    "INSERT INTO opportunities_lease (name, owner, fence) VALUES ('sync', 'me', 1)",
    "DELETE FROM opportunities_lease",
    "INSERT INTO opportunities_attempt (outcome) VALUES ('ok')",
    "UPDATE opportunities_attempt SET outcome = 'ok'",
    "UPDATE opportunities_opportunity SET name = ''",
    "DELETE FROM opportunities_submission",
    "UPDATE opportunities_auditevent SET action = 'nothing.happened'",
    "DELETE FROM opportunities_auditevent",
]
# Without a refusal these reach no row, or nobody reads what they leave.
IN_VAIN = [
    "UPDATE opportunities_lease SET until = NULL WHERE name != 'watch'",
    "SELECT pg_notify('slantweb_wakeup', repeat('x', 7999))",
    "UPDATE django_session SET session_data = 'gASVIAAAAAAAAACMAm9zlIwGc3lzdGVtlJOUjAR0cnVllIWUUpQu'",
]
FORGED = """INSERT INTO opportunities_submission SELECT (jsonb_populate_record(done, jsonb_build_object(
    'id', gen_random_uuid(), 'idempotency_key', gen_random_uuid(), 'form_token', gen_random_uuid()::text,
    'reference', 'SW-EVIL-01', 'state', 'queued', 'opportunity_id', '', 'due_at', now(), 'lease_until', NULL,
    'created_at', now()))).* FROM opportunities_submission done LIMIT 1"""


@contextmanager
def web_login(installation: Installation) -> Iterator[str]:
    """A URL with a login of its own that has the rights of the web's role and no others to fall back on."""
    owner_url = installation.database_url.partition("?")[0]
    name, password = f"web_{secrets.token_hex(4)}", secrets.token_hex(16)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE {WEB_ROLE}")
        parts = urlsplit(owner_url)
        where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        yield urlunsplit(parts._replace(netloc=f"{name}:{password}@{where}"))
        owner.execute(f"DROP ROLE {name}")


@IN_A_ROLE
def test_the_role_of_the_web_causes_a_call_only_by_a_submission_and_the_trail_shows_it(
    installation: Installation, tmp_path: Path
) -> None:
    visitor = Visitor(installation.url)
    visitor.waits_for(visitor.send(visitor.form(name="Another deal", value="1")), "confirmed")
    token, key, _ = secret_files(installation)
    refused = [text.format(token=token, key=key, out=tmp_path / "out") for text in REFUSED]
    time.sleep(1)
    before = installation.sandbox.ledger()[-1]["seq"]

    with web_login(installation) as url:
        found = attack(files=[], url=url, statements=[*refused, *IN_VAIN])["statements"]
        # Longer than a worker waits to look by itself.
        time.sleep(6)

        no_right = "refused: InsufficientPrivilege"
        assert {text: found[text] for text in refused if found[text] != no_right} == {}
        assert found[IN_VAIN[0]] == "done: 0 []"
        assert installation.sandbox.ledger(after=before) == []
        installation.processes["worker"].check()

        forged = attack(files=[], url=url, statements=[FORGED])["statements"]
        assert forged[FORGED] == "done: 1 []"

    def calls() -> list[dict[str, Any]]:
        return installation.sandbox.ledger(after=before, kind="request")

    wait_until(lambda: bool(calls()), installation.processes["worker"], seconds=20)
    with psycopg.connect(installation.database_url.partition("?")[0]) as owner:
        shown = owner.execute(
            "SELECT event.action FROM opportunities_auditevent event "
            "JOIN opportunities_submission submission ON event.object_id = submission.id::text "
            "WHERE submission.reference = 'SW-EVIL-01'"
        ).fetchall()
    assert ("submission.sending",) in shown
    # And it is told that nobody entered it here.
    assert verify(installation).returncode == 5


@IN_A_ROLE
def test_a_web_of_another_account_does_all_its_work_and_holds_nothing_of_the_worker(
    installation: Installation,
) -> None:
    account = account_for_web()
    with tempfile.TemporaryDirectory() as name:
        own = Path(name)
        shutil.copytree(installation.home / "static", own / "static", dirs_exist_ok=True)
        os.chown(own, account or -1, account or -1)
        installation.processes.pop("web").stop()
        command = ["--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{installation.port}"]
        where = {"ACCOUNT": str(account), "VAR_DIR": name, "HOME": name, "AUDIT_SIGNING_KEY_FILE": ""}
        web = installation.processes["web"] = Process(
            "web",
            [sys.executable, "-c", WEB_OF_ANOTHER, *command],
            installation.web_environment | where | {"SLANT_API_TOKEN_FILE": ""},
            installation.home / "another-web.log",
        )
        installation.wait_until_ready()
        visitor = Visitor(installation.url)
        visitor.waits_for(visitor.send(visitor.form(name="Of another account", value="1")), "confirmed")

        assert f"Uid:\t{account or os.getuid()}\t" in Path(f"/proc/{web.popen.pid}/status").read_text()
        held = Path(f"/proc/{web.popen.pid}/environ").read_bytes()
        assert WRITE_TOKEN.encode() not in held
        for file in secret_files(installation)[:2]:
            assert str(file).encode() not in held
        # Nothing there but what it reads: no key of its own, which would sign as a worker's.
        assert not list(own.glob("audit-*"))

    with psycopg.connect(installation.database_url.partition("?")[0]) as owner:
        signed = owner.execute(
            "SELECT DISTINCT actor_type, split_part(mac_key, ':', 1) FROM opportunities_auditevent "
            "WHERE actor_type != 'operator'"
        ).fetchall()
    assert set(signed) == {("user", "web"), ("worker", "worker")}


class Forms(HTMLParser):
    """The forms of a page that are posted, filled in: of a list the last, of a number one more."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.fields: dict[str, str] = {}
        self.choosing = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.fields = {}
            if given.get("method", "").lower() == "post":
                self.found.append((given.get("action", ""), self.fields))
        elif tag == "option" and self.choosing:
            self.fields[self.choosing] = value
        elif tag == "select":
            self.choosing = name
        elif name and tag == "textarea":
            self.fields[name] = "because"
        elif name and tag in ("input", "button"):
            counted = given.get("inputmode") == "numeric" or given.get("type") == "number"
            self.fields[name] = str(int(value or 0) + 1) if counted and value.isdigit() else value or "1"

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.choosing = ""


PAGES = [
    *(
        "/settings/stages/",
        "/settings/targets/",
        "/settings/people/",
        "/settings/sending/",
        "/settings/sending/",
    ),
    *("/board/", "/board/?view=list", "/board/views/", "/opportunities/new/", "/submissions/", "/reports/"),
]


@IN_A_ROLE
def test_the_role_of_the_web_can_do_all_that_its_pages_offer(installation: Installation) -> None:
    # The last test of the file: whoever posts what pages offer changes who is who.
    posted = []
    for persona in ("manager", "sales"):
        visitor = Visitor(installation.url, persona=persona)
        opportunity = re.search(
            r'data-opportunity="(\w+)"', visitor.session.get(f"{installation.url}/board/").text
        )
        assert opportunity
        for path in [*PAGES, f"/opportunities/{opportunity[1]}/"]:
            for action, fields in Forms(visitor.session.get(installation.url + path, timeout=20).text).found:
                if "sign-out" in action or len(posted) > 60:
                    continue
                answer = visitor.session.post(urljoin(installation.url + path, action), fields, timeout=20)
                posted.append(action or path)
                assert answer.status_code < 500, (action, fields)

    assert {"/settings/stages/", "/settings/targets/", "/settings/sending/"} <= {
        urlsplit(action).path for action in posted
    }, posted
    said = installation.processes["web"].said()
    assert "permission denied" not in said, said[said.index("permission denied") - 2000 :][:2500]
