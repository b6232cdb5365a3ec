"""What machines are told: alive, ready, and the numbers behind it."""

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from opportunities.clock import SystemClock
from opportunities.models import Alert, Budget, ChainHead, Heartbeat, Hold, SyncState
from opportunities.runtime import event_counts
from opportunities.selectors import health
from opportunities.trail import audit
from opportunities.trail.audit import Actor
from tests.support.people import Firm

pytestmark = pytest.mark.django_db


def ago(**age: float) -> datetime:
    return datetime.now(UTC) - timedelta(**age)


@pytest.fixture
def all_well(firm: Firm) -> None:
    Heartbeat.objects.create(worker="w1", at=ago(seconds=1), completed_at=ago(seconds=2))


@pytest.fixture
def ready(client: Client) -> Callable[[], tuple[int, dict[str, Any]]]:
    def ask() -> tuple[int, dict[str, Any]]:
        response = client.get("/readyz")
        return response.status_code, response.json()

    return ask


Ready = Callable[[], tuple[int, dict[str, Any]]]


def test_alive_asks_nobody(client: Client, django_assert_num_queries: Callable[..., Any]) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert (response.status_code, response.text, response["Content-Type"]) == (
        200,
        "ok",
        "text/plain; charset=utf-8",
    )


def test_all_is_well(all_well: None, ready: Ready) -> None:
    status, answer = ready()

    assert status == 200
    assert answer == {
        "status": "ok",
        "checks": {
            "database": {"ok": True},
            "sync": {"ok": True, "age_s": answer["checks"]["sync"]["age_s"], "unreadable": 0},
            "slant": {"ok": True},
            "worker": {"ok": True, "age_s": 2},
            "trail": {"ok": True},
            "budget": {"left": 900},
        },
        "queue": {"queued": 0, "sending": 0, "unknown": 0, "review": 0, "oldest_s": None},
    }


def test_before_the_first_sync_it_is_not_ready(ready: Ready) -> None:
    status, answer = ready()

    assert (status, answer["status"]) == (503, "unready")
    assert answer["checks"]["sync"] == {"ok": False, "age_s": None, "unreadable": 0}
    assert answer["checks"]["database"] == {"ok": True}


@pytest.mark.parametrize("resource", ["books", "pipelines", "households"])
def test_each_part_of_the_first_sync_is_needed(all_well: None, ready: Ready, resource: str) -> None:
    SyncState.objects.filter(pk=resource).update(finished_at=None)

    assert ready()[0] == 503


def test_without_a_database_it_is_not_ready_and_does_not_break(
    all_well: None, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable() -> bool:
        raise OperationalError("could not connect to server at secret-host")

    monkeypatch.setattr(health, "is_migrated", unreachable)
    status, answer = ready()

    assert (status, answer["status"], answer["checks"]["database"]) == (503, "unready", {"ok": False})
    assert "secret-host" not in json.dumps(answer)


def test_with_migrations_missing_it_is_not_ready(
    all_well: None, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "is_migrated", lambda: False)

    assert ready()[0] == 503


def test_this_database_is_migrated_and_one_that_lacks_a_migration_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert health.is_migrated()

    # The application may not write which migrations were run; so one more is wanted.
    wanted = health._migrations() | {("opportunities", "9999_next")}
    monkeypatch.setattr(health, "_migrations", lambda: wanted)
    assert not health.is_migrated()


DEGRADED: list[tuple[str, Callable[[], object]]] = [
    ("worker", lambda: Heartbeat.objects.update(completed_at=ago(seconds=40))),
    # It begins rounds and completes none: a full disk, or a fault of ours.
    ("worker", lambda: Heartbeat.objects.update(completed_at=None)),
    # The clock was set back and nobody is there to notice.
    ("worker", lambda: Heartbeat.objects.update(completed_at=ago(hours=-2))),
    ("worker", lambda: Heartbeat.objects.all().delete()),
    ("sync", lambda: SyncState.objects.filter(pk="books").update(finished_at=ago(minutes=16))),
    ("slant", lambda: SyncState.objects.filter(pk="books").update(failed_at=datetime.now(UTC))),
    ("slant", lambda: Budget.objects.update(opened_at=datetime.now(UTC))),
    ("slant", lambda: Hold.objects.create(code="stopped", at=ago(minutes=1))),
    ("trail", lambda: ChainHead.objects.update(seq=7)),
    ("trail", lambda: ChainHead.objects.update(hash="f" * 64)),
]


@pytest.mark.parametrize(("check", "make_bad"), DEGRADED)
def test_trouble_behind_the_pages_leaves_them_up(
    all_well: None, ready: Ready, check: str, make_bad: Callable[[], object]
) -> None:
    make_bad()

    status, answer = ready()

    assert (status, answer["status"]) == (200, "degraded")
    assert [name for name, result in answer["checks"].items() if not result.get("ok", True)] == [check]


def test_a_spent_budget_is_trouble(all_well: None, ready: Ready) -> None:
    minute = int(datetime.now(UTC).timestamp() // 60)
    Budget.objects.update(minutes={str(minute): 800, str(minute - 30): 100, str(minute - 120): 50})

    status, answer = ready()

    assert (status, answer["status"], answer["checks"]["budget"]) == (200, "degraded", {"left": 0})


def test_slant_is_well_again_after_a_sync_that_came_through(all_well: None, ready: Ready) -> None:
    SyncState.objects.filter(pk="books").update(failed_at=ago(minutes=5))

    assert ready()[1]["checks"]["slant"] == {"ok": True}


def test_the_chain_with_an_event_is_whole(all_well: None, ready: Ready) -> None:
    audit.record(clock=SystemClock(), by=Actor.operator("test"), action="test.happened")

    assert ready()[1]["checks"]["trail"] == {"ok": True}


# Metrics


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer anything"}])
def test_without_a_token_set_there_are_no_metrics(client: Client, header: dict[str, str]) -> None:
    assert client.get("/metrics", headers=header).status_code == 404


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer wrong", "letmein-1234", "Basic letmein-1234", "bearer letmein-1234 "],
)
def test_the_wrong_token_is_refused(client: Client, settings: Settings, header: str) -> None:
    settings.METRICS_TOKEN = "letmein-1234"

    response = client.get("/metrics", headers={"Authorization": header})

    assert (response.status_code, response.content) == (401, b"")


def test_the_numbers(client: Client, settings: Settings, all_well: None) -> None:
    settings.METRICS_TOKEN = "letmein-1234"
    Alert.objects.create(cause="unit", text="x", opened_at=ago(minutes=1))
    Alert.objects.create(cause="old", text="x", opened_at=ago(hours=2), closed_at=ago(hours=1))
    Heartbeat.objects.create(worker="gone", at=ago(days=3), completed_at=ago(days=3))

    response = client.get("/metrics", headers={"Authorization": "Bearer letmein-1234"})

    numbers = dict(line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#"))
    assert response["Content-Type"].startswith("text/plain")
    assert numbers["slantweb_up"] == "1.0"
    assert numbers['slantweb_submissions{state="unknown"}'] == "0.0"
    assert numbers["slantweb_budget_left"] == "900.0"
    assert numbers["slantweb_open_alerts"] == "1.0"
    assert float(numbers['slantweb_alert_open_seconds{cause="unit"}']) in (60.0, 61.0)
    assert 'slantweb_alert_open_seconds{cause="old"}' not in numbers
    assert numbers["slantweb_alert_mails_waiting"] == "0.0"
    assert [name for name in numbers if name.startswith("slantweb_heartbeat")] == [
        'slantweb_heartbeat_age_seconds{worker="w1"}'
    ]
    assert "slantweb_oldest_unsettled_seconds" not in numbers


def test_a_worker_that_ended_leaves_the_numbers_after_five_minutes(
    client: Client, settings: Settings, all_well: None
) -> None:
    settings.METRICS_TOKEN = "letmein-1234"
    Heartbeat.objects.create(worker="ended", at=ago(minutes=6), completed_at=ago(minutes=6))

    text = client.get("/metrics", headers={"Authorization": "Bearer letmein-1234"}).text

    assert 'worker="w1"' in text
    assert 'worker="ended"' not in text


def test_what_happened_is_counted_by_how_it_ended(
    client: Client, settings: Settings, firm: Firm, all_well: None
) -> None:
    settings.METRICS_TOKEN = "letmein-1234"
    for outcome in ("ok", "ok", "no_answer"):
        event_counts.add(event_counts.SLANT_CALLS, outcome)
    event_counts.add(event_counts.FAILED_ROUNDS)
    event_counts.store()
    event_counts.store()

    numbers = client.get("/metrics", headers={"Authorization": "Bearer letmein-1234"}).text.splitlines()

    assert 'slantweb_slant_calls_total{outcome="ok"} 2.0' in numbers
    assert 'slantweb_slant_calls_total{outcome="no_answer"} 1.0' in numbers
    assert "slantweb_failed_rounds_total 1.0" in numbers
    assert 'slantweb_settled_total{state="confirmed"} 0.0' in numbers
    assert f'slantweb_build_info{{version="{settings.APP_VERSION}"}} 1.0' in numbers


def test_requests_are_measured_by_view_and_class_of_status_and_never_by_address(
    client: Client, settings: Settings, all_well: None
) -> None:
    settings.METRICS_TOKEN = "letmein-1234"
    client.get("/submissions/123e4567-e89b-42d3-a456-426614174000/?q=Okonkwo")
    client.get("/nowhere/Okonkwo/")
    client.get("/healthz")

    text = client.get("/metrics", headers={"Authorization": "Bearer letmein-1234"}).text

    assert re.search(r'^slantweb_request_seconds_count\{status="2xx",view="healthz"\} [1-9]', text, re.M)
    assert re.search(r'^slantweb_request_seconds_count\{status="3xx",view="\S+"\} [1-9]', text, re.M)
    assert "Okonkwo" not in text
    assert "123e4567" not in text


def test_a_database_that_is_gone_is_a_number_too(
    client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "letmein-1234"
    monkeypatch.setattr(health, "is_migrated", lambda: False)

    text = client.get("/metrics", headers={"Authorization": "Bearer letmein-1234"}).text

    numbers = [line for line in text.splitlines() if not line.startswith(("#", "slantweb_request_seconds"))]
    assert numbers == [f'slantweb_build_info{{version="{settings.APP_VERSION}"}} 1.0', "slantweb_up 0.0"]


# Reports of the content security policy


@pytest.fixture
def reported(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Any]]:
    caches["process"].clear()
    caplog.set_level(logging.WARNING, logger="opportunities.views.health")
    return lambda: [record.report for record in caplog.records if record.name == "opportunities.views.health"]  # type: ignore[attr-defined]


def send(client: Client, body: object) -> int:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.post("/csp-report/", text, content_type="application/csp-report").status_code


def test_a_report_is_logged_without_query_strings(client: Client, reported: Callable[[], list[Any]]) -> None:
    status = send(
        Client(enforce_csrf_checks=True),
        {
            "csp-report": {
                "document-uri": "http://testserver/households/?q=Okonkwo",
                "violated-directive": "script-src",
                "blocked-uri": "inline",
                "script-sample": "secret words",
            }
        },
    )

    assert status == 204
    assert reported() == [
        {
            "document-uri": "http://testserver/households/",
            "violated-directive": "script-src",
            "blocked-uri": "inline",
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        b"\xff\xfe",
        "[]",
        "7",
        '{"csp-report": 7}',
        '{"csp-report": {}}',
        "[" * 5000,
        '{"a":"' + "x" * 9000 + '"}',
    ],
)
def test_nonsense_is_taken_and_dropped(client: Client, reported: Callable[[], list[Any]], body: str) -> None:
    assert send(client, body) == 204
    assert reported() == []


def test_a_flood_is_capped(client: Client, reported: Callable[[], list[Any]]) -> None:
    for _ in range(70):
        send(client, {"csp-report": {"blocked-uri": "inline"}})

    assert len(reported()) == 60
