"""What a web process does where something it needs is short, away, or was forgotten."""

import runpy
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import requests
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils.module_loading import import_string
from pytest_django import Settings

from opportunities.runtime import static_files
from slantweb import safe_start
from slantweb.variables import Variables
from tests.support.environment import ROOT
from tests.support.processes import Installation
from tests.support.visitor import Visitor

# Connections


@pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="SQLite has no pool")
def test_without_a_free_connection_pages_say_so_after_a_short_wait_and_probes_answer(
    new_installation: Callable[..., Installation],
) -> None:
    installation = new_installation(DATABASE_CONNECTIONS="2", DATABASE_WAIT_SECONDS="1")
    visitor, answers = Visitor(installation.url), []

    def ask() -> None:
        answers.append(visitor.session.get(f"{installation.url}/submissions/", timeout=30))

    with psycopg.connect(installation.database_url.partition("?")[0]) as owner:
        owner.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
        asking = [threading.Thread(target=ask) for _ in range(7)]
        for thread in asking:
            thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        assert requests.get(f"{installation.url}/healthz", timeout=5).status_code == 200
        assert time.monotonic() - began < 0.5
        # It waits as a page does, and its probe gives it five seconds.
        assert requests.get(f"{installation.url}/readyz", timeout=5).status_code == 503
        time.sleep(1.5)
        busy = list(answers)
        owner.rollback()
    for thread in asking:
        thread.join()

    assert len(busy) == 5
    for answer in busy:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Slantweb is busy" in answer.text
        assert "nothing was saved or sent" in answer.text
    assert [answer.status_code for answer in answers[5:]] == [200, 200]
    # And it is over.
    assert visitor.session.get(f"{installation.url}/submissions/", timeout=10).status_code == 200


def test_a_database_that_vanished_is_given_up_after_seconds_and_the_address_may_say_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {}
    for query in ("", "?connect_timeout=3&sslmode=require"):
        monkeypatch.setenv("DATABASE_URL", f"postgresql://web:secret@database.example/slantweb{query}")
        found = runpy.run_path(str(ROOT / "slantweb" / "settings" / "databases.py"))
        options[query] = found["DATABASES"]["default"]["OPTIONS"]

    assert options[""]["connect_timeout"] == 10
    # Until an answer that was on its way is given up, in milliseconds; then until one that is awaited is.
    assert options[""]["tcp_user_timeout"] == 20_000
    assert options[""]["keepalives_idle"] + 3 * options[""]["keepalives_interval"] <= 40
    assert options["?connect_timeout=3&sslmode=require"] == options[""] | {
        "connect_timeout": 3,
        "sslmode": "require",
    }


# Probes


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["10.1.2.3", "10.1.2.3:8000", "other.example", "not a host"])
def test_a_probe_may_ask_by_address_and_nothing_else_may(client: Client, host: str) -> None:
    statuses = {
        path: client.get(path, headers={"Host": host}).status_code
        for path in ("/healthz", "/readyz", "/", "/sign-in/", "/metrics", "/healthz/")
    }

    assert statuses.pop("/healthz") == 200
    # Ready it is not: there was no sync.
    assert statuses.pop("/readyz") == 503
    assert set(statuses.values()) == {400}


# Static files


@pytest.fixture
def collected(settings: Settings, tmp_path: Path) -> Path:
    """Static files as `collectstatic` leaves them, of two small sources."""
    source, root = tmp_path / "source", tmp_path / "root"
    for folder in (source, root):
        folder.mkdir()
    for name in ("one.css", "two.css"):
        (source / name).write_text(f"/* {name} */")
        (root / name).write_text(f"/* {name} */")
        (root / f"{name}.hashed").write_text("")
    files = ", ".join(f'"{name}": "{name}.hashed"' for name in ("one.css", "two.css"))
    (root / "staticfiles.json").write_text(f'{{"version": "1.1", "hash": "", "paths": {{{files}}}}}')
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = root
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "slantweb.storage.HashedFiles", "OPTIONS": {"location": root}}
    }
    return root


def uncollected() -> tuple[str, ...]:
    static_files.find_uncollected.cache_clear()
    try:
        return static_files.find_uncollected()
    finally:
        static_files.find_uncollected.cache_clear()


def test_files_that_are_collected_are_not_missed(collected: Path) -> None:
    assert uncollected() == ()


@pytest.mark.parametrize("lost", ["one.css", "one.css.hashed", "staticfiles.json"])
def test_a_file_that_is_not_there_or_an_old_one_is_missed(collected: Path, lost: str) -> None:
    (collected / lost).unlink()
    (collected / "two.css").write_text("/* of the version before */")

    assert uncollected() == ("one.css", "two.css")


@pytest.mark.django_db
def test_it_is_told_where_machines_ask(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "numbers"
    assert "static" not in client.get("/readyz").json()["checks"]

    monkeypatch.setattr(static_files, "find_uncollected", lambda: ("css/theme.css",))

    assert client.get("/readyz").json()["checks"]["static"] == {"ok": False}
    numbers = client.get("/metrics", headers={"Authorization": "Bearer numbers"}).text
    assert "slantweb_static_ok 0.0" in numbers


# The cache


def test_while_redis_does_not_answer_the_process_remembers_for_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hangs = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("CACHE_URL", f"redis://127.0.0.1:{hangs.getsockname()[1]}/0")
    config = Variables().cache("CACHE_URL")
    cache, key = import_string(config["BACKEND"])(config["LOCATION"], config), secrets.token_hex(8)

    began = time.monotonic()
    assert cache.get(key) is None
    cache.set(key, {"n": 1}, 60)
    assert cache.get(key) == {"n": 1}
    # What guards, guards: the second one is refused.
    assert (cache.add(f"{key}:asked", 1, 60), cache.add(f"{key}:asked", 1, 60)) == (True, False)
    cache.add(f"{key}:count", 0)
    assert (cache.incr(f"{key}:count"), cache.incr(f"{key}:count")) == (1, 2)
    cache.delete(key)
    assert cache.get(key) is None
    assert time.monotonic() - began < 2
    hangs.close()


# What is read at the start


def test_gunicorn_listens_on_this_machine_alone_and_outlasts_a_balancer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setattr("os.umask", lambda mode: 0)

    config = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))

    assert config["bind"] == ["127.0.0.1:8123"]
    # nginx keeps an idle connection for sixty seconds.
    assert config["keepalive"] > 60


@pytest.mark.parametrize("secret", ["pass/word", "pa#ss", "pa?ss", "a/b#c?d", "12/34", "pa[ss"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "EMAIL_URL"])
def test_a_password_that_is_not_escaped_is_told_so_and_not_shown(
    name: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"postgresql://app:{secret}@db.example:5432/slantweb")

    with pytest.raises(ImproperlyConfigured) as told:
        Variables().connection(name, "", Variables.db_url_config, ("postgresql",))

    assert str(told.value).startswith(f"{name}: the user or the password holds one of / ? # [ ] as it is")
    assert secret not in str(told.value)


@pytest.mark.parametrize(
    ("address", "password"),
    [
        ("postgresql://app:pass%2Fw%23rd%3F@db.example/slantweb", "pass/w#rd?"),
        ("postgresql://app:p@ss@db.example/slantweb", "p@ss"),
        ("postgresql://db.example/slantweb?application_name=a@b", None),
        ("postgresql://db.example:5432/slantweb?application_name=a@b", None),
        ("postgresql://app:word@[::1]:5432/slantweb?application_name=a@b#c", "word"),
        ("sqlite:////var/a@b/slantweb.sqlite3", None),
    ],
)
def test_an_address_that_is_escaped_is_taken(
    address: str, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)

    found = Variables().connection("DATABASE_URL", "", Variables.db_url_config)

    assert (found["PASSWORD"] or None) == password


def test_one_env_file_that_hands_the_token_to_the_web_stops_it(tmp_path: Path) -> None:
    shared, token = tmp_path / ".env", tmp_path / "token"
    token.write_text("slnt_pat_theirs")
    for line in ("SLANT_API_TOKEN=slnt_pat_theirs", f"export SLANT_API_TOKEN_FILE = {token}"):
        shared.write_text(f"SECRET_KEY=x\n{line}\n")
        with pytest.raises(ImproperlyConfigured, match="gives SLANT_API_TOKEN to the web process") as told:
            safe_start.refuse_shared_token(shared)
        assert "slnt_pat" not in str(told.value)


@pytest.mark.parametrize(
    "content",
    ["", "#SLANT_API_TOKEN=no", "SLANT_API_TOKEN=\nSECRET_KEY=x", "SLANT_API_TOKEN_FILE=/nowhere/token"],
)
def test_an_env_file_without_a_token_that_the_web_can_read_does_not(tmp_path: Path, content: str) -> None:
    (tmp_path / ".env").write_text(content)

    safe_start.refuse_shared_token(tmp_path / ".env")
    safe_start.refuse_shared_token(tmp_path / "none")
