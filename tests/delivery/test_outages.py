"""An outage ends when Slant is back: what is called meanwhile, what is sent then, and what it costs."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from opportunities import mirror
from opportunities.delivery import claiming, connection
from opportunities.models import Budget, State, Submission, SyncState
from opportunities.runtime import breaker, budget
from opportunities.runtime.budget import Share
from opportunities.selectors.health import health
from opportunities.selectors.shell import shell_status
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.transport import Raw
from opportunities.trail.audit import Actor
from tests.delivery.test_settling import edit, made
from tests.runtime.test_breaker import AWAY, fail, is_open, probe
from tests.support.office import Office, fresh

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _mirror_each_minute(production_waits: None, settings: Any) -> None:
    settings.SYNC_SECONDS = 60


# What happens meanwhile, and when Slant is back


def test_while_slant_is_away_nothing_goes_out_but_reads_of_me(office: Office) -> None:
    calls: list[str] = []

    def broken(method: str, url: str, **rest: Any) -> Raw:
        calls.append(f"{method} {url.partition('/v1')[2]}")
        return Raw(503, {"content-type": "text/html"}, b"<html>Maintenance</html>", False)

    office.slant._transport.exchange = broken  # type: ignore[method-assign]
    first = office.submit()
    office.rounds(minutes=1, every=5)
    assert is_open(office.clock)
    later = [office.submit(name=f"Entered later {number}") for number in range(3)]
    calls.clear()

    office.rounds(minutes=15, every=15)

    assert set(calls) == {"GET /me"}
    assert 10 <= len(calls) <= 18
    assert [fresh(row).attempts_count for row in later] == [0, 0, 0]
    assert fresh(first).attempts_count <= 1


def test_the_first_good_answer_clears_the_stamp_although_nothing_was_read_yet(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.box.down = True
    office.rounds(minutes=3, every=5)
    stamp = shell_status(office.person, office.clock.now()).stamp
    assert (stamp.failing, stamp.why_failing) == (True, "Slant does not answer.")
    assert not health(office.clock).slant.ok

    office.box.down = False
    monkeypatch.setattr(mirror, "sync_if_due", lambda *args, **kwargs: False)
    while is_open(office.clock):
        office.clock.turn(1)
        office.round()

    stamp = shell_status(office.person, office.clock.now()).stamp
    assert (stamp.failing, stamp.level) == (False, "amber")  # by its age alone
    assert health(office.clock).slant.ok


def test_a_good_answer_does_not_clear_what_slant_refuses(office: Office) -> None:
    office.box.control(revoked=["write"])
    SyncState.objects.update(started_at=None)
    office.round()
    Budget.objects.update(answered_at=office.clock.now())

    stamp = shell_status(office.person, office.clock.now()).stamp

    assert (stamp.failing, stamp.why_failing) == (True, "Slant does not let us read.")


def test_the_first_good_answer_sends_what_waits_at_once_and_oldest_first(office: Office) -> None:
    office.box.down = True
    waiting = []
    for number in range(5):
        waiting.append(office.submit(name=f"Deal {number}"))
        office.clock.turn(0.5)
        office.round()
    office.rounds(minutes=10, every=30)
    office.box.down = False

    due = breaker.state(office.clock.now()).probe_at
    assert due is not None
    office.clock.turn((due - office.clock.now()).total_seconds())
    assert office.clock.now() <= due
    office.round()

    assert [fresh(row).state for row in waiting] == [State.CONFIRMED] * 5
    assert [record["name"] for record in office.box.created] == [f"Deal {number}" for number in range(5)]


def test_a_few_are_sent_at_a_time_when_slant_has_just_come_back(office: Office) -> None:
    for number in range(9):
        office.submit(name=f"Deal {number}")
    fail(office.clock, AWAY, AWAY, AWAY)
    probe(office.clock, None)

    def take_all() -> list[claiming.Claim]:
        taken = iter(lambda: claiming.claim(worker=Actor.worker("w"), clock=office.clock), None)
        return list(taken)

    left = budget.calls_left(office.clock)
    first = take_all()
    assert len(first) == breaker.FEW
    assert budget.calls_left(office.clock) == left - breaker.FEW, "a claim that has to wait costs nothing"
    Submission.objects.filter(pk=first[0].submission.pk).update(state=State.CONFIRMED, opportunity_id="op_x")
    assert len(take_all()) == 1, "one more as soon as one has ended"
    office.clock.turn(61)
    assert len(take_all()) == 6, "and all of them a minute later"


def test_an_outage_is_no_time_in_which_slant_answered(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.append("drop_before")
    office.round()
    office.rounds(minutes=1, every=5)
    assert "answered_since" in fresh(submission).check_state
    fail(office.clock, AWAY, AWAY, AWAY)
    office.box.down = True

    office.rounds(minutes=2, every=30)

    assert fresh(submission).state == State.UNKNOWN
    assert "answered_since" not in submission.check_state
    office.box.down = False
    office.rounds(minutes=6, every=30)
    assert fresh(submission).state == State.CONFIRMED


def test_a_429_after_a_long_outage_stops_people_for_minutes_and_not_for_an_hour(office: Office) -> None:
    lost = office.submit()
    office.box.mischief.append("drop_after")
    office.round()
    office.box.down = True
    office.rounds(minutes=90, every=30)
    office.box.down = False
    new = [office.submit(name=f"Entered later {number}") for number in range(3)]
    office.box.mischief.append("429")

    office.rounds(minutes=6, every=15)

    assert [fresh(row).state for row in (lost, *new)] == [State.CONFIRMED] * 4


def test_a_503_that_says_when_to_come_back_is_obeyed_by_reads_and_by_the_next_send(office: Office) -> None:
    submission = office.submit()
    real = office.slant._transport.exchange
    calls: list[datetime] = []

    def resting(method: str, url: str, **rest: Any) -> Raw:
        calls.append(office.clock.now())
        if method == "POST" and len(office.box.created) == 0:
            answer = real(method, url, **rest)
            return Raw(503, {"retry-after": "600"}, answer.body, False)
        return real(method, url, **rest)

    office.slant._transport.exchange = resting  # type: ignore[method-assign]
    office.round()
    refused_at, second = office.clock.now(), office.submit(name="The next one")
    office.rounds(minutes=12)

    assert not [at for at in calls if refused_at < at < refused_at + timedelta(minutes=10)]
    assert [fresh(row).state for row in (submission, second)] == [State.CONFIRMED] * 2
    assert len(office.box.created) == 2


def test_a_read_that_is_told_when_to_come_back_keeps_people_waiting_too(office: Office) -> None:
    real = office.slant._transport.exchange

    def resting(method: str, url: str, **rest: Any) -> Raw:
        return Raw(503, {"retry-after": "300"}, b"", False)

    office.slant._transport.exchange = resting  # type: ignore[method-assign]
    office.round()
    office.slant._transport.exchange = real  # type: ignore[method-assign]
    submission = office.submit()

    office.rounds(minutes=4.5)
    assert fresh(submission).state == State.QUEUED
    office.rounds(minutes=1)
    assert fresh(submission).state == State.CONFIRMED


def test_a_command_makes_the_probe_where_no_worker_does(office: Office) -> None:
    fail(office.clock, AWAY, AWAY, AWAY)
    by = Actor.operator("op")
    connection.probe_if_due(office.slant, worker=by, clock=office.clock)
    assert is_open(office.clock), "not due yet"
    office.clock.turn(1)

    connection.probe_if_due(office.slant, worker=by, clock=office.clock)

    assert not is_open(office.clock)


# What it costs


@pytest.fixture
def slant(office: Office) -> SlantClient:
    office.rounds(minutes=1)
    return connection.metered(office.slant, Share.SYNC, office.clock)


def spent(office: Office, before: int) -> int:
    return before - budget.calls_left(office.clock)


def test_a_read_that_sends_no_byte_costs_nothing(office: Office, slant: SlantClient) -> None:
    left, of_sync = budget.calls_left(office.clock), Budget.objects.get().sync_minutes
    office.box.down = True

    with pytest.raises(errors.SlantUnreachable):
        slant.me()

    assert spent(office, left) == 0
    assert Budget.objects.get().sync_minutes == of_sync
    office.box.down = False
    slant.me()
    assert spent(office, left) == 1


def test_a_send_that_is_refused_costs_nothing_and_one_that_is_lost_costs_its_call(
    office: Office, slant: SlantClient
) -> None:
    office.submit()
    left = budget.calls_left(office.clock)
    office.box.mischief.extend(["refused", "drop_before"])

    office.round()
    assert spent(office, left) == 0
    office.clock.turn(1)
    office.round()

    assert spent(office, left) == 1
    assert len(office.box.sends) == 1


def test_of_an_edit_only_the_requests_that_were_made_are_counted(office: Office, slant: SlantClient) -> None:
    deal = made(office)
    edit(office, deal, {"value": 700_000}, {"value": 640_000})
    left = budget.calls_left(office.clock)

    office.box.down = True
    office.round()
    assert spent(office, left) == 0, "not even the read before it"
    office.box.down = False
    office.box.mischief.append("refused")
    office.clock.turn(1)
    office.round()
    assert spent(office, left) == 1, "the read, and not the write"
    office.box.edit(deal, value=650_000)
    office.clock.turn(1)
    office.round()

    assert spent(office, left) == 2, "a second read, after which nothing is written: somebody changed it"
    assert len(office.box.sends) == 1, "the deal itself, and no edit"


def test_a_process_that_dies_before_it_sends_has_counted_its_call(office: Office, slant: SlantClient) -> None:
    office.submit()
    left = budget.calls_left(office.clock)

    assert claiming.claim(worker=Actor.worker("w"), clock=office.clock)

    assert spent(office, left) == 1
