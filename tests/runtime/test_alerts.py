"""Alerts: one a cause, opened and closed by row, log line and mail, whatever the mail server does."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django import Settings

from opportunities.models import Alert, AlertMail, PendingAlert
from opportunities.runtime import alert_mail, alerts
from opportunities.runtime.alerts import AlertText
from tests.support.mail_server import MailServer
from tests.support.slant_box import TurnedClock

AWAY = AlertText("Slant is away.", "Deals are kept.", "Wait for it.", "/settings/sending/", ("op_1", "op_2"))
MINUTE = timedelta(minutes=1)

pytestmark = pytest.mark.django_db


def open_causes() -> list[str]:
    return sorted(Alert.objects.filter(closed_at=None).values_list("cause", flat=True))


@pytest.fixture(autouse=True)
def told(settings: Settings) -> None:
    settings.ALERT_EMAILS = ["boss@firm.example", "ops@firm.example"]
    settings.SITE_URL = "https://deals.firm.example"
    settings.ALERT_FROM = "Deals <deals@firm.example>"


@pytest.fixture
def mail_server(settings: Settings) -> Iterator[MailServer]:
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 0.3
        yield server


# Opening and closing


def test_a_cause_has_one_alert_however_often_it_is_seen(clock: TurnedClock) -> None:
    opened = [alerts.open_alert("away", AWAY, clock=clock) for _ in range(3)]

    assert (opened, open_causes()) == ([True, False, False], ["away"])
    assert AlertMail.objects.count() == 1


def test_an_open_alert_says_what_holds_now(clock: TurnedClock) -> None:
    alerts.open_alert("away", AWAY, clock=clock)
    alerts.open_alert("away", AlertText("Slant is far away.", "Kept.", "Wait."), clock=clock)

    alert = Alert.objects.get()
    assert (alert.text, alert.meaning, alert.remedy, alert.details) == (
        "Slant is far away.",
        "Kept.",
        "Wait.",
        "",
    )


def test_closing_says_so_once_and_the_next_time_is_a_new_alert(clock: TurnedClock) -> None:
    alerts.open_alert("away", AWAY, clock=clock)

    assert [alerts.close_alert("away", "other", clock=clock) for _ in range(2)] == [True, False]
    assert alerts.open_alert("away", AWAY, clock=clock)
    assert Alert.objects.count() == 2
    assert list(AlertMail.objects.values_list("event", flat=True)) == ["opened", "closed", "opened"]


def test_the_log_says_when_it_opened_and_closed_and_where(
    clock: TurnedClock, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        alerts.open_alert("away", AWAY, clock=clock)
        alerts.close_alert("away", clock=clock)

    lines = [(record.levelno, record.message, record.installation) for record in caplog.records]  # type: ignore[attr-defined]
    assert lines == [
        (logging.ERROR, "alert away opened: Slant is away.", "deals.firm.example"),
        (logging.WARNING, "alert away closed: Slant is away.", "deals.firm.example"),
    ]


def test_without_anybody_to_mail_nothing_is_kept_to_be_mailed(clock: TurnedClock, settings: Settings) -> None:
    settings.ALERT_EMAILS = []

    alerts.open_alert("away", AWAY, clock=clock)

    assert (open_causes(), AlertMail.objects.count()) == (["away"], 0)


# Thresholds


def test_what_passes_within_the_threshold_alarms_nobody(clock: TurnedClock) -> None:
    for _ in range(20):
        alerts.report("away", AWAY, after=5 * MINUTE, clock=clock)
        clock.turn(4 * 60)
        alerts.report("away", None, after=5 * MINUTE, clock=clock)

    assert not Alert.objects.exists()
    assert not PendingAlert.objects.exists()


def test_what_stands_for_the_threshold_opens_and_ends_at_once(clock: TurnedClock) -> None:
    seen = []
    for _ in range(6):
        alerts.report("away", AWAY, after=5 * MINUTE, clock=clock)
        seen.append(open_causes())
        clock.turn(60)
    alerts.report("away", None, after=5 * MINUTE, clock=clock)

    assert seen == [[], [], [], [], [], ["away"]]
    assert open_causes() == []


def test_a_clock_set_back_delays_an_alert_by_its_threshold_at_most(clock: TurnedClock) -> None:
    alerts.report("away", AWAY, after=5 * MINUTE, clock=clock)
    clock.turn(-2 * 3600)
    alerts.report("away", AWAY, after=5 * MINUTE, clock=clock)
    clock.turn(5 * 60)
    alerts.report("away", AWAY, after=5 * MINUTE, clock=clock)

    assert open_causes() == ["away"]


# Mail


def test_a_mail_says_which_installation_what_it_means_what_to_do_and_where(
    clock: TurnedClock, mail_server: MailServer
) -> None:
    alerts.open_alert("away", AWAY, clock=clock)
    alerts.close_alert("away", clock=clock)

    assert alert_mail.send_due(clock=clock) == 2
    opened, closed = mail_server.messages
    text = opened.get_payload()
    assert opened["Subject"] == "[deals.firm.example] Slant is away."
    assert (opened["From"], opened["To"]) == (
        "Deals <deals@firm.example>",
        "boss@firm.example, ops@firm.example",
    )
    assert opened["Auto-Submitted"] == "auto-generated"
    for said in (
        "What it means for deals: Deals are kept.",
        "What to do: Wait for it.",
        "Where to look: https://deals.firm.example/settings/sending/",
        "op_2",
        "From Slantweb at https://deals.firm.example (machine ",
    ):
        assert said in text
    assert closed["Subject"] == "[deals.firm.example] Over: Slant is away."
    assert closed["In-Reply-To"] == opened["Message-ID"]
    assert "This is over since" in closed.get_payload()


def test_a_refused_connection_is_tried_again_until_the_server_is_back(
    clock: TurnedClock, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.close()
    alerts.open_alert("away", AWAY, clock=clock)
    alerts.close_alert("away", clock=clock)

    for _ in range(3):
        assert alert_mail.send_due(clock=clock) == 0
        clock.turn(3600)
    mail_server.open()

    assert alert_mail.send_due(clock=clock) == 2
    assert mail_server.subjects == [
        "[deals.firm.example] Slant is away.",
        "[deals.firm.example] Over: Slant is away.",
    ]
    assert alert_mail.send_due(clock=clock) == 0
    assert len([line for line in caplog.messages if "ConnectionRefused" in line]) == 3


@pytest.mark.parametrize("mood", ["hang", "drip", "refuse"])
def test_a_server_that_hangs_or_refuses_is_left_and_tried_again(
    clock: TurnedClock, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    monkeypatch.setattr(alert_mail, "LONGEST_SECONDS", 0.6)
    mail_server.mood = mood
    alerts.open_alert("away", AWAY, clock=clock)

    started = time.monotonic()
    assert alert_mail.send_due(clock=clock) == 0
    assert time.monotonic() - started < 3
    mail = AlertMail.objects.get()
    assert (mail.attempts, mail.sent_at) == (1, None)
    assert mail.failure

    mail_server.mood = "take"
    assert alert_mail.send_due(clock=clock) == 0
    clock.turn(alert_mail.RETRY_SECONDS)
    assert alert_mail.send_due(clock=clock) == 1


def test_a_mail_is_given_up_after_days_and_said_to_be(
    clock: TurnedClock, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.close()
    alerts.open_alert("away", AWAY, clock=clock)

    for _ in range(5 * 24):
        alert_mail.send_due(clock=clock)
        clock.turn(3600)

    assert AlertMail.objects.get().due_at is None
    assert len([line for line in caplog.messages if "given up" in line]) == 1


def test_what_another_process_is_sending_is_left_to_it_until_it_should_have_ended(
    clock: TurnedClock, mail_server: MailServer
) -> None:
    alerts.open_alert("away", AWAY, clock=clock)
    assert alert_mail._claim(clock)

    assert alert_mail.send_due(clock=clock) == 0
    clock.turn(alert_mail.CLAIM_SECONDS)
    assert alert_mail.send_due(clock=clock) == 1


def test_an_alert_with_a_line_end_in_it_is_mailed_all_the_same(
    clock: TurnedClock, mail_server: MailServer
) -> None:
    alerts.open_alert("odd", AlertText("A name:\r\nBcc: x@y.example " + "n" * 300, "", ""), clock=clock)

    assert alert_mail.send_due(clock=clock) == 1
    (message,) = mail_server.messages
    assert message["Bcc"] is None
    assert len(message["Subject"]) <= 160


def test_where_no_sender_is_set_it_is_of_the_site(clock: TurnedClock) -> None:
    from slantweb.settings import ALERT_FROM, SITE_URL

    assert (SITE_URL, ALERT_FROM) == ("http://127.0.0.1:8000", "Slantweb <slantweb@127.0.0.1>")
