"""One JSON line an event, with the request and the person, without query strings and secrets."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from pytest_django import Settings

from opportunities.models import Person
from slantweb.logs import ContextFilter, JsonFormatter, ScrubFilter, scrub

pytestmark = pytest.mark.urls("tests.entry.odd_urls")

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(settings: Settings) -> Iterator[io.StringIO]:
    """What the handler of settings.LOGGING would write: the same formatter and filters."""
    settings.SLANT_API_TOKEN = "canary-of-a-token-without-shape"
    settings.OIDC_CLIENT_SECRET = "canary-of-a-client-secret"
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(**_formatter(settings)))
    for log_filter in (ContextFilter(), ScrubFilter()):
        handler.addFilter(log_filter)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def _formatter(settings: Settings) -> dict[str, str]:
    configured = dict(settings.LOGGING["formatters"]["json"])
    configured.pop("()")
    return configured


@pytest.fixture
def lines(written: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


SECRETS = [
    "slnt_pat_9f8A7b6C5d4E3f2G1h0",
    "canary-of-a-token-without-shape",
    "canary-of-a-client-secret",
    "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    "sessionid=k3j4h5g6f7d8s9a0",
    "client_secret=hunter2hunter2",
    "Authorization: Basic c2xhbnQ6aHVudGVyMg==",
    '"refresh_token": "rt-123456"',
    "postgresql://slantweb:pa55word@db/slantweb",
]
# The part of each that must never be seen.
CORES = [
    "9f8A7b6C5d4E3f2G1h0",
    "canary-of-a-token",
    "canary-of-a-client",
    "eyJhbGciOiJSUzI1NiJ9",
    "k3j4h5g6f7d8s9a0",
    "hunter2",
    "c2xhbnQ6aHVudGVyMg",
    "rt-123456",
    "pa55word",
]


@pytest.mark.parametrize(("secret", "core"), list(zip(SECRETS, CORES, strict=True)))
def test_no_way_into_the_log_lets_a_secret_through(written: io.StringIO, secret: str, core: str) -> None:
    logger = logging.getLogger("canary")

    logger.info(secret)
    logger.info("as an argument: %s", secret)
    logger.info("as a mapping: %(it)s", {"it": secret})
    logger.info("as an object: %r", {"header": secret})
    logger.info("as an extra", extra={"note": secret, "deep": {"list": [secret]}})
    try:
        try:
            raise ValueError(secret)
        except ValueError as cause:
            raise RuntimeError(f"around {secret}") from cause
    except RuntimeError:
        logger.exception("with a traceback")

    assert len(written.getvalue().splitlines()) == 6
    assert core not in written.getvalue()
    assert "[hidden]" in written.getvalue()


def test_a_later_handler_sees_the_scrubbed_record() -> None:
    record = logging.makeLogRecord({"msg": "token %s", "args": ("slnt_pat_canary1234",)})

    ScrubFilter().filter(record)

    assert record.getMessage() == "token [hidden]"


def test_what_a_database_says_of_a_row_is_not_logged(written: io.StringIO, lines: Lines) -> None:
    """PostgreSQL names the row or key in the second line of an error."""
    said = (
        'duplicate key value violates unique constraint "household_name"\n'
        'DETAIL:  Key (name)=(Okonkwo "family") already exists.\nCONTEXT:  COPY t, line 1: "Okonkwo"'
    )
    try:
        raise IntegrityError(said)
    except IntegrityError as problem:
        logging.getLogger("canary").exception("a round failed")
        logging.getLogger("canary").warning("could not save: %s", problem)

    assert [line["message"].split(":")[0] for line in lines()] == ["a round failed", "could not save"]
    assert "household_name" in written.getvalue()
    assert "Okonkwo" not in written.getvalue()


def test_ordinary_words_stay() -> None:
    text = "Bearer of news: the deal Basic income, $640,000 at 10:44, see http://127.0.0.1:8001/v1/me"

    assert scrub(text) == text


def test_times_are_in_utc_whatever_zone_the_firm_has(
    written: io.StringIO, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django sets the zone of the process to TIME_ZONE: lines of a firm in New York were five hours early."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        logging.getLogger("canary").info("now")
    finally:
        monkeypatch.undo()
        time.tzset()

    asctime = datetime.fromisoformat(lines()[0]["asctime"])
    assert abs(datetime.now(UTC) - asctime) < timedelta(minutes=5)


def test_a_broken_log_call_does_not_break_the_caller() -> None:
    record = logging.makeLogRecord({"msg": "%d deals", "args": ("slnt_pat_canary1234",)})

    ScrubFilter().filter(record)

    assert record.getMessage() == "%d deals ('[hidden]',)"


@pytest.mark.django_db
def test_one_line_a_request_with_its_number_and_person_and_without_its_query(
    lines: Lines, manager: Person, signed_in: Callable[[Person], Client]
) -> None:
    response = signed_in(manager).get("/odd/page/?q=Okonkwo&token=slnt_pat_x")

    (line,) = [line for line in lines() if line["name"] == "slantweb.middleware"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/odd/page/", 200)
    assert (line["request_id"], line["person_id"]) == (response["X-Request-ID"], str(manager.pk))
    assert line["ms"] >= 0
    assert line["asctime"].endswith("Z")
    assert "Okonkwo" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("remote", "address"), [("10.1.2.3", "203.0.113.5"), ("198.51.100.1", "198.51.100.1")]
)
def test_the_line_names_the_address_of_the_client_behind_a_trusted_proxy(
    lines: Lines, client: Client, settings: Settings, remote: str, address: str
) -> None:
    settings.DEMO, settings.TRUSTED_PROXIES = False, ["10.0.0.0/8"]

    client.get("/sign-in/", REMOTE_ADDR=remote, headers={"X-Forwarded-For": "203.0.113.5"})

    (line,) = [line for line in lines() if line["name"] == "slantweb.middleware"]
    assert line["address"] == address


def test_an_older_key_is_scrubbed_as_well(settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = ["canary-of-an-older-key"]

    assert scrub("signed with canary-of-an-older-key") == "signed with [hidden]"


@pytest.mark.django_db
def test_one_request_leaves_nothing_of_itself_in_the_next(
    lines: Lines, manager: Person, signed_in: Callable[[Person], Client], client: Client
) -> None:
    signed_in(manager).get("/odd/page/")
    client.get("/sign-in/")
    logging.getLogger("elsewhere").info("no request at all")

    _, second, outside = lines()
    assert "person_id" not in second
    assert "request_id" not in outside


@pytest.mark.django_db
def test_a_failure_is_logged_with_its_request_and_without_its_secret(
    written: io.StringIO, lines: Lines, manager: Person
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(manager)

    response = client.get("/odd/breaks/?q=Okonkwo")

    (failure,) = [line for line in lines() if line["name"] == "django.request"]
    assert failure["request_id"] == response["X-Request-ID"]
    assert "RuntimeError" in failure["exc_info"]
    assert "slnt_pat_canary" not in written.getvalue() + response.text
    assert "Okonkwo" not in written.getvalue()


def test_djangos_own_lines_with_query_strings_are_off(settings: Settings) -> None:
    loggers = settings.LOGGING["loggers"]

    assert (loggers["django.server"]["level"], loggers["django.request"]["level"]) == ("ERROR", "ERROR")


def test_every_handler_scrubs(settings: Settings) -> None:
    for handler in settings.LOGGING["handlers"].values():
        assert "scrub" in handler["filters"]
