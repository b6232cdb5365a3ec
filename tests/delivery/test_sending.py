"""From a saved submission to Slant's answer: each row of the table of Slant API 3."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from opportunities.actions import withdrawing
from opportunities.clock import Clock
from opportunities.delivery import answers, holds
from opportunities.delivery.claiming import claim
from opportunities.delivery.sending import deliver
from opportunities.delivery.states import Transition
from opportunities.models import (
    Alert,
    Attempt,
    AuditEvent,
    Hold,
    Instance,
    Opportunity,
    Outcome,
    State,
    Submission,
)
from opportunities.runtime import budget
from opportunities.runtime.budget import Share
from opportunities.slant.transport import Raw, Unanswered
from opportunities.slant.types import Written
from opportunities.trail import audit
from opportunities.trail.audit import Actor
from tests.support.office import Office, fresh

WRITE_TOKEN = "slnt_pat_sandbox_write"


def test_a_submission_becomes_one_record_with_the_fields_typed(office: Office) -> None:
    submission = office.submit()

    office.round()

    record = office.box.created[0]
    assert fresh(submission).state == State.CONFIRMED
    assert submission.opportunity_id == record["id"]
    assert len(office.box.created) == 1
    assert record["name"] == "Okonkwo second opinion"
    assert record["value"] == 640_000
    assert record["assigned_to"]["id"] == "u_9xw20c"
    assert office.box.sends[0]["idempotency_key"] == str(submission.idempotency_key)
    assert office.box.sends[0]["body"] == json.loads(submission.body)


def test_the_record_is_in_the_mirror_as_soon_as_slant_answered(office: Office) -> None:
    submission = office.submit()

    office.round()

    mirrored = Opportunity.objects.get(pk=fresh(submission).opportunity_id)
    assert (mirrored.name, mirrored.value, mirrored.stage_id) == (
        "Okonkwo second opinion",
        640_000,
        "st_qual",
    )


def test_the_attempt_row_is_committed_before_the_first_byte(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = office.submit()
    seen: list[tuple[str, int]] = []
    transport = office.slant._transport
    send = transport.exchange

    def watched(*args: object, **kwargs: object) -> object:
        if kwargs.get("body"):
            open_attempts = Attempt.objects.filter(submission=submission, finished_at=None)
            seen.append((fresh(submission).state, open_attempts.count()))
        return send(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(transport, "exchange", watched)
    office.round()

    assert seen == [(State.SENDING, 1)]


@pytest.mark.parametrize("trick", ["drop_after", "drop_before", "+500", "502", "slow"])
def test_an_answer_that_is_lost_leaves_it_unknown_and_is_never_sent_again_blindly(
    office: Office, trick: str
) -> None:
    submission = office.submit()
    office.box.mischief.append(trick)

    office.round()

    assert fresh(submission).state == State.UNKNOWN
    assert submission.reason_code == "no_answer"
    assert submission.attempts.get().outcome == Outcome.NO_ANSWER
    assert len(office.box.sends) == 1


def test_the_slant_of_these_tests_keeps_no_key_after_a_server_error(office: Office) -> None:
    """Or a blind repetition would look harmless here, and make a second deal in Slant (Slant API 6)."""
    office.submit()
    office.box.mischief.append("+500")
    office.round()
    first = office.box.sends[0]

    body = json.dumps(first["body"], separators=(",", ":")).encode()
    office.slant.create_opportunity(body, key=first["idempotency_key"])

    assert len(office.box.created) == 2


def test_a_refused_connection_is_proof_and_it_is_sent_again_under_the_same_key(office: Office) -> None:
    submission = office.submit()
    key = submission.idempotency_key
    office.box.mischief.append("refused")

    office.round()
    assert fresh(submission).state == State.QUEUED
    assert submission.reason_code == "unreachable"
    office.rounds(minutes=1)

    assert fresh(submission).state == State.CONFIRMED
    assert submission.idempotency_key == key
    assert len(office.box.created) == 1


def test_slant_asking_to_slow_down_is_obeyed_and_the_next_send_has_a_new_key(office: Office) -> None:
    submission = office.submit()
    key = submission.idempotency_key
    office.box.control(
        faults=[
            {
                "method": "POST",
                "path": "/v1/opportunities",
                "kind": "rate_limit",
                "times": 1,
                "retry_after": 90,
            }
        ]
    )
    office.box.mischief.append("429")

    office.round()
    assert (fresh(submission).state, submission.reason_code) == (State.QUEUED, "busy")
    office.rounds(minutes=0.5)
    assert len(office.box.sends) == 1
    office.box.control(reset="faults")
    office.rounds(minutes=2)

    assert fresh(submission).state == State.CONFIRMED
    assert submission.generation == 2
    assert submission.idempotency_key != key


def test_what_slant_refuses_is_rejected_with_its_reasons_at_the_fields(office: Office) -> None:
    submission = office.submit(pipeline_stage_id="st_no_such_stage")

    office.round()

    assert fresh(submission).state == State.REJECTED
    assert list(submission.field_errors) == ["pipeline_stage_id"]
    assert office.box.created == []


def test_a_revoked_token_holds_the_whole_queue_with_one_alert_until_it_is_accepted_again(
    office: Office,
) -> None:
    first, second = office.submit(), office.submit(name="Another deal")
    office.box.control(revoked=["write"])

    office.rounds(minutes=1)
    assert {fresh(first).state, fresh(second).state} == {State.QUEUED}
    assert Hold.objects.filter(pk=holds.TOKEN_REFUSED).exists()
    assert Alert.objects.filter(cause=holds.TOKEN_REFUSED).count() == 1
    assert len(office.box.sends) <= 1

    office.box.control(revoked=[])
    office.rounds(minutes=3)
    assert {fresh(first).state, fresh(second).state} == {State.CONFIRMED}
    assert not Alert.objects.filter(cause=holds.TOKEN_REFUSED, closed_at=None).exists()


def test_a_read_only_token_holds_submissions_and_creates_nothing(office: Office) -> None:
    submission = office.submit()
    office.slant = office.box.client("slnt_pat_sandbox_read")

    office.rounds(minutes=2)

    assert fresh(submission).state == State.QUEUED
    assert Hold.objects.filter(pk=holds.TOKEN_READ_ONLY).exists()
    assert office.box.created == []


def may_write(office: Office, write: bool) -> None:
    """Make Slant grant or remove our token's right to write."""
    tokens = office.box.store.tokens
    tokens[WRITE_TOKEN] = replace(tokens[WRITE_TOKEN], can_write=write)


def forbid(office: Office, *, but: str = "") -> None:
    """Slant answers writes 403 without a word that could be read, and `but` as a 403 too."""
    real = office.slant._transport.exchange

    def answered(method: str, url: str, **rest: Any) -> Raw:
        if method in ("POST", "PATCH") or (but and url.endswith(but)):
            return Raw(403, {"content-type": "text/html"}, b"<h1>Forbidden</h1>", False)
        return real(method, url, **rest)

    office.slant._transport.exchange = answered  # type: ignore[method-assign]


@pytest.mark.parametrize("shape", ["nested", "flat", "html"])
def test_a_token_that_turned_read_only_holds_the_queue_whatever_the_refusal_looks_like(
    office: Office, shape: str
) -> None:
    """Within the hour in which `/me` is believed: the refusal itself is the first to tell."""
    office.rounds(minutes=1)
    assert Instance.current().can_write
    office.box.control(switches={"error_shape": shape})
    may_write(office, False)
    submission = office.submit()

    office.round()
    assert (fresh(submission).state, submission.reason_code) == (State.QUEUED, "token_read_only")
    assert submission.attempts.get().outcome == Outcome.REFUSED_US
    assert Hold.objects.filter(pk=holds.TOKEN_READ_ONLY).exists()
    may_write(office, True)
    office.rounds(minutes=2)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_a_refusal_by_a_book_is_told_from_one_of_the_token_and_only_that_deal_is_rejected(
    office: Office,
) -> None:
    office.rounds(minutes=1)
    forbid(office)
    submission = office.submit()

    office.round()

    assert (fresh(submission).state, submission.reason_code) == (State.REJECTED, "forbidden_book")
    assert not Hold.objects.exists()


@pytest.mark.parametrize("unread", ["no answer", "403", "no calls left"])
def test_a_refusal_is_never_the_books_while_slant_does_not_say_what_the_token_may(
    office: Office, unread: str
) -> None:
    office.rounds(minutes=1)
    forbid(office, but="/me" if unread == "403" else "")
    submission = office.submit()
    if unread == "no answer":
        office.box.before_read = lose_it
    if unread == "no calls left":
        office.box.before_read = lambda: pytest.fail("there was no call left for this")
        while budget.calls_left(office.clock) > 61:
            budget.take(Share.PEOPLE, calls=1, clock=office.clock)

    claimed = claim(worker=Actor.worker("w"), clock=office.clock)
    assert claimed
    deliver(claimed, office.slant, worker=Actor.worker("w"), clock=office.clock)

    assert (fresh(submission).state, submission.reason_code) == (State.QUEUED, "token_read_only")
    assert Hold.objects.filter(pk=holds.TOKEN_READ_ONLY).exists()


def lose_it() -> None:
    raise Unanswered("lost", bytes_sent=True)


def test_a_token_of_which_slant_says_nothing_counts_as_read_only_until_it_has_written(
    office: Office,
) -> None:
    real = office.slant._transport.exchange

    def silent(method: str, url: str, **rest: Any) -> Raw:
        raw = real(method, url, **rest)
        if url.endswith("/me"):
            said = json.loads(raw.body)
            del said["api_access"]
            raw.body = json.dumps(said).encode()
        return raw

    office.slant._transport.exchange = silent  # type: ignore[method-assign]
    office.round()
    office.box.mischief.append("403")
    first = office.submit()

    office.rounds(minutes=3)
    assert (fresh(first).state, first.reason_code) == (State.QUEUED, "token_read_only")
    assert Alert.objects.filter(cause=holds.TOKEN_READ_ONLY).count() == 1
    holds.release(holds.TOKEN_READ_ONLY, by=office.by, clock=office.clock)
    office.rounds(minutes=1)
    assert fresh(first).state == State.CONFIRMED

    office.box.mischief.append("403")
    second = office.submit(name="In a book that takes nothing")
    office.rounds(minutes=1)
    assert (fresh(second).state, second.reason_code) == (State.REJECTED, "forbidden_book")


def test_the_first_thing_asked_is_whose_token_this_is(office: Office) -> None:
    office.submit()

    office.round()

    asked = [(request["method"], request["path"]) for request in office.box.requests]
    assert asked.index(("GET", "/v1/me")) < asked.index(("POST", "/v1/opportunities"))


def test_a_value_a_hundred_times_off_stops_all_sending(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [office.submit(), office.submit(name="Another deal")]
    real = office.slant._transport.exchange

    def in_cents(*args: object, **kwargs: object) -> object:
        raw = real(*args, **kwargs)  # type: ignore[arg-type]
        if kwargs.get("body"):
            raw.body = raw.body.replace(b"640000", b"64000000")
        return raw

    monkeypatch.setattr(office.slant._transport, "exchange", in_cents)
    office.round()

    # Taken at one moment, either may go first; the other one goes nowhere.
    assert sorted(fresh(row).state for row in both) == [State.QUEUED, State.UNKNOWN]
    assert Hold.objects.filter(pk=holds.UNIT_ALARM).exists()
    assert Alert.objects.filter(cause=holds.UNIT_ALARM, closed_at=None).count() == 1


@pytest.fixture
def answers_without_value(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slant answers a write with a record that leaves the value out; reading it shows all."""
    real = office.slant._transport.exchange

    def cut(*args: object, **kwargs: object) -> Any:
        raw = real(*args, **kwargs)  # type: ignore[arg-type]
        if kwargs.get("body"):
            record = json.loads(raw.body)
            del record["value"]
            raw.body = json.dumps(record).encode()
        return raw

    monkeypatch.setattr(office.slant._transport, "exchange", cut)


@pytest.mark.usefixtures("answers_without_value")
def test_an_answer_that_leaves_something_out_is_read_once_more(office: Office) -> None:
    submission = office.submit()

    office.round()

    assert fresh(submission).state == State.CONFIRMED
    path = f"/v1/opportunities/{submission.opportunity_id}"
    assert [entry["path"] for entry in office.box.requests if entry["method"] == "GET"].count(path) == 1
    assert Opportunity.objects.get(pk=submission.opportunity_id).value == 640_000


@pytest.mark.usefixtures("answers_without_value")
def test_what_the_second_reading_shows_is_compared_too(office: Office) -> None:
    office.round()  # whose token this is was asked before
    submission = office.submit()
    office.box.before_read = lambda: office.box.edit(office.box.created[0]["id"], value=64_000_000)

    office.round()

    assert (fresh(submission).state, submission.reason_code) == (State.UNKNOWN, "unit_alarm")
    assert Hold.objects.filter(pk=holds.UNIT_ALARM).exists()


@pytest.mark.usefixtures("answers_without_value")
def test_what_cannot_be_read_once_more_is_looked_for(office: Office) -> None:
    office.round()  # whose token this is was asked before
    submission = office.submit()

    def lost() -> None:
        office.box.before_read = lambda: None
        raise Unanswered("lost", bytes_sent=True)

    office.box.before_read = lost
    office.round()
    assert (fresh(submission).state, submission.reason_code) == (State.UNKNOWN, "not_shown")
    office.rounds(minutes=1)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.sends) == 1


def test_a_record_that_another_submission_takes_in_the_same_moment_leaves_this_one_in_doubt(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = office.submit()
    office.box.mischief.append("drop_before")
    office.round()
    second, after = office.submit(confirm_duplicate=True), answers.after_answer

    def taken(submission: Submission, written: Written, clock: Clock) -> Transition:
        then = after(submission, written, clock)
        Submission.objects.filter(pk=first.pk).update(opportunity_id=written.record.id)
        return then

    monkeypatch.setattr(answers, "after_answer", taken)
    office.round()

    assert (fresh(second).state, second.reason_code) == (State.UNKNOWN, "twin")
    assert second.attempts.get().outcome == Outcome.OK


def test_the_stop_button_keeps_everything_and_sends_nothing(office: Office) -> None:
    holds.hold(holds.STOPPED, reason="checking", by=office.by, clock=office.clock)
    submission = office.submit()

    office.rounds(minutes=1)
    assert fresh(submission).state == State.QUEUED
    holds.release(holds.STOPPED, by=office.by, clock=office.clock)
    office.rounds(minutes=1)

    assert fresh(submission).state == State.CONFIRMED


def test_a_worker_that_died_while_sending_leaves_it_unknown_after_its_lease(office: Office) -> None:
    submission = office.submit()
    claim(worker=Actor.worker("dead"), clock=office.clock)

    office.clock.turn(41)
    office.round()

    assert fresh(submission).state == State.UNKNOWN
    assert submission.reason_code == "lease_expired"
    assert submission.attempts.get().outcome == Outcome.ABANDONED


def test_a_worker_that_comes_back_after_its_lease_changes_nothing(office: Office) -> None:
    submission = office.submit()
    claimed = claim(worker=Actor.worker("frozen"), clock=office.clock)
    assert claimed
    office.clock.turn(41)
    office.round()

    deliver(claimed, office.slant, worker=Actor.worker("frozen"), clock=office.clock)

    assert fresh(submission).state == State.UNKNOWN
    assert submission.attempts.get().outcome == Outcome.ABANDONED


def test_a_close_date_that_passed_while_waiting_is_refused_with_the_reason(office: Office) -> None:
    office.box.down = True
    submission = office.submit(target_close_date=(office.clock.now() + timedelta(days=1)).date())
    office.round()

    office.clock.turn(minutes=60 * 13)
    office.round()

    assert (fresh(submission).state, submission.reason_code) == (State.REJECTED, "date_passed")


def test_what_was_held_over_a_day_asks_its_owner_first(office: Office) -> None:
    office.box.down = True
    submission = office.submit()
    office.round()

    office.clock.turn(minutes=60 * 25)
    office.box.down = False
    office.rounds(minutes=2)

    assert (fresh(submission).state, submission.reason_code) == (State.QUEUED, "still_send")
    assert office.box.sends == []


def test_in_an_outage_each_owner_is_asked_whatever_waits_before_it(office: Office) -> None:
    office.box.down = True
    waiting = [office.submit(name=f"Deal {number}") for number in range(3)]
    office.rounds(minutes=1)
    office.clock.turn(minutes=60 * 13)
    young = office.submit(name="Entered half a day later")
    office.clock.turn(minutes=60 * 12)
    wanted, *others = waiting
    # Its owner has confirmed it, so it is the oldest that may go, and goes nowhere.
    Submission.objects.filter(pk=wanted.pk).update(still_wanted_at=office.clock.now())

    office.round()

    assert [fresh(row).reason_code for row in others] == ["still_send", "still_send"]
    assert fresh(wanted).reason_code != "still_send"
    assert fresh(young).reason_code != "still_send"
    office.box.down = False
    office.rounds(minutes=3)
    assert [fresh(row).state for row in (wanted, young)] == [State.CONFIRMED] * 2
    assert [fresh(row).state for row in others] == [State.QUEUED] * 2


def test_every_change_of_state_has_its_event(office: Office) -> None:
    submission = office.submit()

    office.round()

    events = AuditEvent.objects.filter(object_type="submission", object_id=str(submission.pk))
    assert [event.action for event in events] == [
        "submission.queued",
        "submission.sending",
        "submission.confirmed",
    ]


@pytest.mark.parametrize("trick", ["ok", "drop_after"])
def test_the_trail_says_which_state_of_the_deal_slant_showed_when_it_was_confirmed(
    office: Office, trick: str
) -> None:
    submission = office.submit()
    office.box.mischief.append(trick)

    office.rounds(minutes=1)

    event = AuditEvent.objects.get(action="submission.confirmed", object_id=str(submission.pk))
    shown = Opportunity.objects.get(pk=fresh(submission).opportunity_id).updated_at
    assert shown is not None
    assert event.remote_object_id == submission.opportunity_id
    assert event.object_version == audit.plain_time(shown)


def test_a_submission_with_an_ambiguous_send_cannot_be_withdrawn(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.append("drop_after")
    office.round()

    with pytest.raises(withdrawing.TooLate):
        withdrawing.withdraw(
            submission=fresh(submission), person=office.person, by=office.by, clock=office.clock
        )


def test_a_queued_submission_is_withdrawn_and_never_sent(office: Office) -> None:
    submission = office.submit()

    withdrawing.withdraw(submission=submission, person=office.person, by=office.by, clock=office.clock)
    office.rounds(minutes=1)

    assert fresh(submission).state == State.WITHDRAWN
    assert office.box.sends == []


def test_withdrawing_waits_for_a_send_that_ends_without_a_trace(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker tries again just as its owner presses Withdraw, and Slant is still down."""
    submission = office.submit()
    Submission.objects.filter(pk=submission.pk).update(state=State.SENDING)
    sleep = office.clock.sleep

    def the_send_ends(seconds: float) -> None:
        Submission.objects.filter(pk=submission.pk).update(state=State.QUEUED)
        sleep(seconds)

    monkeypatch.setattr(office.clock, "sleep", the_send_ends)
    withdrawing.withdraw(submission=fresh(submission), person=office.person, by=office.by, clock=office.clock)

    assert fresh(submission).state == State.WITHDRAWN
