"""A worker is well when its rounds come to their end; one that only begins them does no work."""

import errno
from pathlib import Path
from typing import Any

import pytest

from opportunities.delivery import holds, sending
from opportunities.models import Heartbeat, State, Submission
from opportunities.selectors.health import health
from opportunities.trail import head_file
from tests.delivery.test_settling import edit, made
from tests.support.office import Office, fresh
from tests.support.slant_box import TurnedClock


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(head_file, "_replace", refuse)


def fail_rounds(office: Office, *, minutes: float) -> None:
    for _ in range(int(minutes * 4)):
        office.clock.turn(15)
        with pytest.raises(OSError, match="No space"):
            office.round()


def test_a_round_that_ends_well_says_so(office: Office, clock: TurnedClock) -> None:
    office.round()

    beat = Heartbeat.objects.get()
    assert (beat.completed_at, beat.failures, beat.failing_since) == (clock.now(), 0, None)
    assert health(clock).worker.ok


def test_a_worker_whose_rounds_fail_is_not_well_and_says_why(
    office: Office, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.round()
    office.submit()
    with monkeypatch.context() as disk:
        fill_the_disk(disk)
        fail_rounds(office, minutes=1)

    beat = Heartbeat.objects.get()
    assert (beat.failures, beat.failure) == (4, "OSError: [Errno 28] No space left on device")
    assert beat.failing_since is not None
    assert (clock.now() - beat.failing_since).total_seconds() == 45
    assert beat.at == clock.now()
    worker = health(clock).worker
    assert (worker.ok, worker.age_s) == (False, 60)


def test_the_first_round_that_ends_well_clears_it(
    office: Office, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.submit()
    with monkeypatch.context() as disk:
        fill_the_disk(disk)
        fail_rounds(office, minutes=1)
    office.rounds(minutes=1)

    beat = Heartbeat.objects.get()
    assert (beat.failures, beat.failing_since, beat.failure) == (0, None, "")
    assert health(clock).worker.ok


def test_a_database_that_takes_nothing_hides_no_error(
    office: Office, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The round's own error is raised, not the one of writing down that it failed."""
    from django.db import DatabaseError

    from opportunities.runtime import heartbeats

    office.round()
    office.submit()
    fill_the_disk(monkeypatch)

    def full(*args: Any, **kwargs: Any) -> Any:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(heartbeats, "Coalesce", full)
    fail_rounds(office, minutes=0.25)


def test_a_slow_slant_and_a_long_queue_do_not_make_a_round_endless(
    office: Office, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a worker that sends all the time would look like none."""
    rows = [office.submit(name=f"Deal {number}") for number in range(6)]
    deliver = sending.deliver

    def slowly(*args: Any, **kwargs: Any) -> None:
        clock.turn(9)
        deliver(*args, **kwargs)

    monkeypatch.setattr(sending, "deliver", slowly)
    sent = []
    while any(fresh(row).state != State.CONFIRMED for row in rows):
        due_in = office.round()
        sent.append((sum(fresh(row).state == State.CONFIRMED for row in rows), due_in))

    assert sent == [(2, 0.0), (4, 0.0), (6, None)]


# When the next round begins


def test_a_worker_rests_while_sending_is_held(office: Office, clock: TurnedClock) -> None:
    office.round()
    holds.hold(holds.STOPPED, reason="A test.", by=office.by, clock=clock)
    waits = office.submit()

    assert office.round() is None
    assert fresh(waits).state == State.QUEUED

    # Whoever releases it wakes the workers, and the first round sends.
    holds.release(holds.STOPPED, by=office.by, clock=clock)
    office.round()
    assert fresh(waits).state == State.CONFIRMED


def test_what_is_due_beside_a_hold_is_done_in_time(office: Office, clock: TurnedClock) -> None:
    office.box.mischief.append("drop_after")
    in_doubt = office.submit()
    office.round()
    holds.hold(holds.STOPPED, reason="A test.", by=office.by, clock=clock)
    office.submit(name="Held")

    assert office.round() == pytest.approx(5.0, abs=0.5)
    clock.turn(6)
    office.round()
    assert fresh(in_doubt).state == State.CONFIRMED


def test_a_worker_rests_while_what_is_due_waits_for_an_earlier_change(office: Office) -> None:
    """A manager may take days to decide the earlier one."""
    deal_id = made(office)
    earlier = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})
    later = edit(office, deal_id, {"value": 710_000}, {"value": 700_000})
    Submission.objects.filter(pk=earlier.pk).update(state=State.REVIEW, due_at=None)

    assert office.round() is None
    assert fresh(later).state == State.QUEUED
