"""The trail: chained from the first event, and closed to change on both databases."""

import pytest
from django.db import DatabaseError, connection, transaction

from opportunities.models import Attempt, AuditEvent, ChainHead, State, Submission
from opportunities.trail import audit
from opportunities.trail.audit import Actor
from tests.support.office import Office, fresh
from tests.support.slant_box import TurnedClock


def test_each_event_carries_the_hash_of_the_one_before(office: Office) -> None:
    office.submit()
    office.round()

    previous = "0" * 64
    for number, event in enumerate(AuditEvent.objects.order_by("seq"), start=1):
        assert (event.seq, event.prev_hash) == (number, previous)
        assert event.hash == audit.chain_hash(event)
        previous = event.hash
    assert ChainHead.objects.get().hash == previous


def test_an_event_outside_a_transaction_is_refused(committed_db: str, clock: TurnedClock) -> None:
    with pytest.raises(RuntimeError):
        audit.record(clock=clock, by=Actor.worker("w"), action="sync.ran")


def test_the_trail_names_a_key_by_its_hash_only(office: Office) -> None:
    submission = office.submit()

    event = AuditEvent.objects.get(action="submission.queued")

    assert str(submission.idempotency_key) not in str(audit.event_fields(event))
    assert event.key_id == audit.key_id(str(submission.idempotency_key))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE opportunities_auditevent SET actor_display = 'nobody'",
        "DELETE FROM opportunities_auditevent",
        "DELETE FROM opportunities_attempt",
        "DELETE FROM opportunities_submission",
        "UPDATE opportunities_attempt SET status = 500",
        "UPDATE opportunities_submission SET body = '{}'",
        "UPDATE opportunities_submission SET by_display = 'nobody'",
        "UPDATE opportunities_submission SET state = 'queued'",
        "UPDATE opportunities_submission SET opportunity_id = 'op_other'",
    ],
)
def test_the_database_itself_refuses_to_change_the_past(office: Office, statement: str) -> None:
    office.submit()
    office.round()

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_open_attempt_is_finished_once(office: Office) -> None:
    submission = office.submit()
    office.round()
    attempt = submission.attempts.get()

    with pytest.raises(DatabaseError), transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(finished_at=office.clock.now(), status=500)


def test_the_orm_cannot_change_or_delete_an_event_either(office: Office) -> None:
    office.submit()
    event = AuditEvent.objects.get()

    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save()


def test_telling_the_owner_is_the_one_change_a_settled_submission_takes(office: Office) -> None:
    submission = office.submit()
    office.round()

    Submission.objects.filter(pk=submission.pk).update(told=False)

    assert (fresh(submission).state, submission.told) == (State.CONFIRMED, False)
