"""Somebody hears of each trouble once it has stood for its threshold, and again when it is over."""

import errno
import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.urls import resolve
from pytest_django import Settings

from opportunities.models import Alert, AlertMail, Heartbeat, Lease, State, Submission, SyncState
from opportunities.runtime import alerts, breaker, budget, leases
from opportunities.runtime.breaker import BreakerState
from opportunities.runtime.budget import Share
from opportunities.trail import head_file
from opportunities.watch import causes
from opportunities.watch.causes import CAUSES
from opportunities.watch.watcher import LEASE, Watcher
from tests.support.office import Office
from tests.support.slant_box import TurnedClock
from tests.watch.conftest import Watch, open_causes

pytestmark = pytest.mark.slow


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(head_file, "_replace", refuse)


def alert(cause: str) -> Alert:
    return Alert.objects.get(cause=cause, closed_at=None)


def test_while_all_is_well_nobody_is_told_anything(watch: Watch, office: Office) -> None:
    office.submit()

    assert watch(minutes=12) == []
    assert not Alert.objects.exists()


def test_slant_away_for_five_minutes_is_told_and_its_return_too(
    watch: Watch, office: Office, clock: TurnedClock
) -> None:
    watch(minutes=3)
    office.box.down = True

    assert watch(minutes=4) == []
    assert watch(minutes=3) == ["slant_away"]
    assert alert("slant_away").text.startswith("Slant has not answered since 23 Nov 2026, 12:0")
    assert alert("slant_away").details.startswith("The last call: GET /")
    office.box.down = False
    assert watch(minutes=2) == []
    assert list(AlertMail.objects.values_list("event", flat=True)) == ["opened", "closed"]


def test_an_outage_shorter_than_the_threshold_alarms_nobody(watch: Watch, office: Office) -> None:
    for _ in range(2):
        office.box.down = True
        watch(minutes=3)
        office.box.down = False
        watch(minutes=6)

    assert not Alert.objects.exists()


def test_a_slant_that_answers_now_and_then_is_still_told_of(
    watch: Watch, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The breaker closes with each good probe and opens again with the next calls."""
    watch(minutes=1)
    away = BreakerState(open_since=clock.now(), last_error="GET /me -> 503")
    states = itertools.cycle([away, away, BreakerState()])
    monkeypatch.setattr(breaker, "state", lambda now: next(states))
    SyncState.objects.update(failed_at=clock.now())

    for _ in range(14):
        Heartbeat.objects.update(completed_at=clock.now())
        watch(rounds=False)

    assert "slant_away" in open_causes()


def test_an_outage_is_one_alert_although_queue_and_mirror_grow_old(
    watch: Watch, office: Office, settings: Settings
) -> None:
    settings.ALERT_STUCK_QUEUE_SECONDS, settings.ALERT_OLD_MIRROR_SECONDS = 300, 900
    watch(minutes=1)
    office.box.down = True
    office.submit()

    assert watch(minutes=18) == ["slant_away"]
    office.box.down = False
    watch(minutes=8)

    assert set(Alert.objects.values_list("cause", flat=True)) == {"slant_away"}


def test_no_worker_is_noticed_without_one(watch: Watch, office: Office) -> None:
    watch(minutes=1)
    office.submit()

    assert watch(minutes=1.5, rounds=False) == []
    assert watch(minutes=10, rounds=False) == ["no_worker"]
    text = alert("no_worker")
    assert text.text == "No worker has completed a round since 23 Nov 2026, 12:01 UTC."
    assert "nothing is sent to Slant" in text.meaning
    assert watch(minutes=0.5) == []


def test_an_installation_without_a_worker_ever_is_noticed(watch: Watch) -> None:
    assert not Heartbeat.objects.exists()

    assert watch(minutes=3, rounds=False) == ["no_worker"]
    assert alert("no_worker").text == "No worker has completed a round yet."


def test_a_worker_whose_disk_is_full_is_told_with_its_reason(
    watch: Watch, office: Office, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(minutes=1)
    office.submit()
    with monkeypatch.context() as disk:
        fill_the_disk(disk)
        for _ in range(6):
            with pytest.raises(OSError, match="No space"):
                office.round()
            watch(rounds=False)

    (seen,) = Alert.objects.filter(closed_at=None)
    assert seen.cause == "rounds_fail"
    assert seen.text == (
        "The rounds of worker-1 have failed since 23 Nov 2026, 12:01 UTC: "
        "OSError: [Errno 28] No space left on device."
    )
    assert watch(minutes=1) == []


def test_one_of_two_workers_that_fails_is_told_while_the_other_works(
    watch: Watch, office: Office, clock: TurnedClock
) -> None:
    office.round()
    Heartbeat.objects.create(
        worker="other-host:7", at=clock.now(), failures=4, failing_since=clock.now(), failure="KeyError"
    )
    for _ in range(6):
        watch()
        Heartbeat.objects.filter(pk="other-host:7").update(at=clock.now())

    assert alert("rounds_fail").text.startswith("The rounds of other-host:7 have failed since")


def test_a_mirror_that_grows_old_although_slant_answers_is_told(watch: Watch, clock: TurnedClock) -> None:
    watch(minutes=1)
    SyncState.objects.filter(pk="households").update(finished_at=clock.now() - timedelta(minutes=29))
    seen = causes.look(clock)
    assert seen
    assert causes.old_mirror(seen) is None
    SyncState.objects.filter(pk="households").update(finished_at=clock.now() - timedelta(minutes=31))
    found = causes.old_mirror(seen)
    assert isinstance(found, causes.Found)
    assert found.text.happened.startswith("What Slantweb shows of Slant is from 23 Nov 2026, 11:30 UTC")


def test_a_queue_of_which_nothing_goes_is_told_and_closes_with_the_first_that_does(
    watch: Watch, office: Office, clock: TurnedClock, settings: Settings
) -> None:
    settings.ALERT_STUCK_QUEUE_SECONDS = 240
    watch(minutes=1)
    stuck = office.submit()
    Submission.objects.filter(pk=stuck.pk).update(due_at=clock.now() + timedelta(minutes=50))

    assert watch(minutes=3.5) == []
    assert watch(minutes=2.5) == ["stuck_queue"]
    assert alert("stuck_queue").details == stuck.reference
    Submission.objects.filter(pk=stuck.pk).update(due_at=clock.now())
    assert watch(minutes=1) == []


def test_what_waits_for_its_person_is_no_stuck_queue(
    watch: Watch, office: Office, settings: Settings
) -> None:
    settings.ALERT_STUCK_QUEUE_SECONDS = 60
    watch(minutes=1)
    waits = office.submit()
    Submission.objects.filter(pk=waits.pk).update(due_at=None, reason_code="still_send")

    assert watch(minutes=6) == []


def test_a_spent_budget_is_told_after_its_threshold(
    watch: Watch, clock: TurnedClock, settings: Settings
) -> None:
    settings.ALERT_SPENT_BUDGET_SECONDS = 120
    watch(minutes=1)
    budget.take(Share.PEOPLE, calls=840 - 900 + budget.calls_left(clock), clock=clock)

    assert watch(minutes=1.5) == []
    assert watch(minutes=1.5) == ["spent_budget"]
    clock.turn(minutes=62)
    assert watch(minutes=1) == []


def test_deals_in_review_are_told_by_reference_and_not_by_name(watch: Watch, office: Office) -> None:
    watch(minutes=1)
    rows = [office.submit(name=f"Secret {number}") for number in range(22)]
    Submission.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=State.REVIEW, due_at=None, opportunity_id=""
    )

    assert watch(minutes=4.5, rounds=False)[-1:] != ["review"]
    watch(minutes=1, rounds=False)
    seen = alert("review")
    assert seen.text.startswith("22 deals wait for a manager's decision, the first since 23 Nov 2026, 12:01")
    assert seen.path == "/submissions/review/"
    assert len(seen.details.splitlines()) == 21
    assert seen.details.splitlines()[-1] == "and 2 more"
    assert "Secret" not in seen.details + seen.text


def test_every_alert_says_what_it_means_and_what_to_do_on_a_page_there_is(
    watch: Watch, office: Office, clock: TurnedClock
) -> None:
    watch(minutes=4, rounds=False)
    row = office.submit()
    Submission.objects.filter(pk=row.pk).update(state=State.REVIEW, due_at=None)
    watch(minutes=6, rounds=False)

    assert Alert.objects.count() == 2
    for seen in Alert.objects.all():
        assert seen.meaning
        assert seen.remedy
        assert resolve(seen.path)


def test_two_processes_make_one_alert(office: Office, clock: TurnedClock) -> None:
    watchers = [Watcher("web"), Watcher("worker")]
    for _ in range(20):
        clock.turn(15)
        for watcher in watchers:
            watcher.look_around(clock)

    assert Alert.objects.count() == AlertMail.objects.count() == 1


def test_a_database_that_takes_no_alert_is_told_by_log_and_mail_once(
    watch: Watch,
    clock: TurnedClock,
    monkeypatch: pytest.MonkeyPatch,
    mailoutbox: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("database or disk is full")

    watch(minutes=1)
    with monkeypatch.context() as disk:
        disk.setattr(alerts, "report", full)
        disk.setattr(leases, "take", full)
        watch(minutes=6, rounds=False)

    (mail,) = mailoutbox
    assert (
        mail.subject == "[deals.firm.example] No worker has completed a round since 23 Nov 2026, 12:01 UTC."
    )
    assert len([line for line in caplog.messages if line.startswith("alert no_worker opened")]) == 1
    assert watch(minutes=1) == []
    assert mailoutbox[1].subject.startswith("[deals.firm.example] Over: No worker")
    assert len(mailoutbox) == 2


def test_every_cause_is_described_in_the_operations_manual(settings: Settings) -> None:
    manual = (settings.BASE_DIR / "docs" / "operations.md").read_text()

    assert [cause for cause in CAUSES if f"| `{cause}` |" not in manual] == []
    for name in vars(settings._wrapped if hasattr(settings, "_wrapped") else settings):
        assert not name.startswith("ALERT_") or f"`{name}`" in manual, name


@pytest.mark.parametrize("seconds", [0.0, 1e9, 1e300, -1.0, float("inf"), float("nan")])
def test_whoever_writes_the_lease_of_the_watch_does_not_silence_it(
    watch: Watch, clock: TurnedClock, seconds: float
) -> None:
    """The role of the web may write it, as the web watches too."""
    if connection.vendor == "sqlite" and seconds != seconds:
        pytest.skip("SQLite stores no NaN")
    watch(minutes=1)
    until = clock.now() + timedelta(days=3650)
    Lease.objects.filter(pk=LEASE).update(owner="somebody", until=until, seconds=seconds)

    assert "no_worker" in watch(minutes=5, rounds=False)
