"""Once an hour a worker removes what is over, and nothing that could still be used or was asked for."""

import logging
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from opportunities.models import AuditEvent, Draft, Heartbeat, LimitCount, OpenSession, Submission
from tests.support.office import Office
from tests.support.slant_box import TurnedClock


def keep_session(key: str, clock: TurnedClock, *, ends_in: timedelta) -> None:
    data = Session.objects.encode({"grant": f"sealed-{key}"})
    Session.objects.create(session_key=key, session_data=data, expire_date=clock.now() + ends_in)


def keep_draft(office: Office, form: str, *, age: timedelta) -> None:
    draft = Draft.objects.create(person=office.person, form=form, fields={"typed": {"name": "Okonkwo"}})
    Draft.objects.filter(pk=draft.pk).update(updated_at=office.clock.now() - age)


def test_an_expired_session_goes_with_its_sealed_tokens(office: Office, clock: TurnedClock) -> None:
    keep_session("over", clock, ends_in=timedelta(seconds=-1))
    keep_session("alive", clock, ends_in=timedelta(seconds=30))

    office.round()

    assert list(Session.objects.values_list("session_key", flat=True)) == ["alive"]


def test_what_is_shown_of_a_session_goes_with_it(office: Office, clock: TurnedClock) -> None:
    keep_session("alive", clock, ends_in=timedelta(seconds=30))
    for key in ("alive", "gone"):
        OpenSession.objects.create(
            session_key=key, person=office.person, began_at=clock.now(), seen_at=clock.now()
        )

    office.round()

    assert list(OpenSession.objects.values_list("session_key", flat=True)) == ["alive"]


def test_a_draft_goes_after_fourteen_days(office: Office) -> None:
    keep_draft(office, "old", age=timedelta(days=14, seconds=1))
    keep_draft(office, "new", age=timedelta(days=13, hours=23))

    office.round()

    assert list(Draft.objects.values_list("form", flat=True)) == ["new"]


def test_the_heartbeat_of_a_worker_that_is_gone_goes_after_a_day(office: Office, clock: TurnedClock) -> None:
    for name, hours in (("gone", 25), ("resting", 23)):
        Heartbeat.objects.create(worker=name, at=clock.now() - timedelta(hours=hours))

    office.round("alive")

    assert set(Heartbeat.objects.values_list("worker", flat=True)) == {"alive", "resting"}


def test_a_count_goes_when_its_window_is_over(office: Office, clock: TurnedClock) -> None:
    for key, seconds in (("over", -1), ("counting", 30)):
        LimitCount.objects.create(key=key, times=3, ends_at=clock.now() + timedelta(seconds=seconds))

    office.round()

    assert list(LimitCount.objects.values_list("key", flat=True)) == ["counting"]


def test_it_is_done_once_an_hour_and_says_how_much(
    office: Office, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "opportunities.worker.cleaning")
    office.round()
    keep_session("over", clock, ends_in=timedelta(seconds=-1))
    keep_draft(office, "old", age=timedelta(days=15))

    clock.turn(59 * 60)
    office.round()
    assert (Session.objects.count(), Draft.objects.count(), caplog.messages) == (1, 1, [])

    clock.turn(2 * 60)
    office.round()
    assert (Session.objects.count(), Draft.objects.count()) == (0, 0)
    (line,) = caplog.records
    assert line.removed == {  # type: ignore[attr-defined]
        "sessions": 1,
        "drafts": 1,
        "heartbeats": 0,
        "limit_counts": 0,
        "export_signatures": 0,
    }


def test_what_somebody_asked_for_stays_for_ever(office: Office, clock: TurnedClock) -> None:
    office.submit()
    office.rounds(minutes=3)
    kept = Submission.objects.count(), set(AuditEvent.objects.values_list("seq", flat=True))

    clock.turn(400 * 24 * 60 * 60)
    office.round()

    assert Submission.objects.count() == kept[0]
    assert kept[1] <= set(AuditEvent.objects.values_list("seq", flat=True))
