"""What a person asks for: once, in reach, with the questions a colleague would ask."""

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opportunities.actions import duplicate_question, form_tokens, refusals, submissions, withdrawing
from opportunities.clock import SystemClock
from opportunities.delivery.kinds import CreateKind
from opportunities.models import AuditEvent, Person, Role, State, Submission
from opportunities.trail.audit import Actor
from tests.support.office import Office, fresh
from tests.support.people import make_firm, make_person
from tests.support.slant_box import deal


def test_the_same_form_sent_twice_is_one_submission(office: Office) -> None:
    token = form_tokens.issue_token(office.person)

    first, second = office.submit(token=token), office.submit(token=token)

    assert first.pk == second.pk
    assert Submission.objects.count() == 1


def test_the_same_form_with_other_content_is_refused(office: Office) -> None:
    token = form_tokens.issue_token(office.person)
    office.submit(token=token)

    with pytest.raises(form_tokens.TokenReused):
        office.submit(token=token, name="Other")


@pytest.mark.parametrize("token", ["", "made-up", "a:b:c"])
def test_a_token_we_did_not_issue_is_refused(office: Office, token: str) -> None:
    with pytest.raises(form_tokens.BadToken):
        form_tokens.check_token(token, office.person)


def test_somebody_elses_token_is_refused(office: Office) -> None:
    other = make_person("Nadia Other", Role.SALES)

    with pytest.raises(form_tokens.BadToken):
        office.submit(token=form_tokens.issue_token(other))


def test_the_same_deal_within_a_day_asks_and_remembers_the_answer(office: Office) -> None:
    first = office.submit()

    with pytest.raises(duplicate_question.DuplicateQuestion) as question:
        office.submit()
    second = office.submit(confirm_duplicate=True)

    assert question.value.similar[0].submission_id == str(first.pk)
    assert second.duplicate_of == str(first.pk)


def test_after_a_day_nobody_asks(office: Office) -> None:
    office.submit()
    office.clock.turn(minutes=24 * 60 + 1)

    assert office.submit()


def test_nobody_writes_into_a_book_they_only_view(office: Office) -> None:
    with pytest.raises(refusals.NotAllowed):
        office.submit(book_id="bk_no_such")
    assert Submission.objects.count() == 0


def test_somebody_elses_submission_is_not_withdrawn(office: Office) -> None:
    submission = office.submit()
    other = make_person("Nadia Other", Role.MANAGER)

    with pytest.raises(refusals.NotAllowed):
        withdrawing.withdraw(submission=submission, person=other, by=Actor.of(other), clock=office.clock)
    assert fresh(submission).state == State.QUEUED


def test_two_browsers_racing_with_one_form_make_one_submission(committed_db: str) -> None:
    firm = make_firm()
    person = make_person("Olivia Owner", Role.SALES, member_id="us_owner")
    token = form_tokens.issue_token(person)
    asked = deal(
        book_id=firm.harbor.pk, household_id="", pipeline_id="", pipeline_stage_id="", pipeline_type="client"
    )
    ids, start = [], threading.Barrier(4)

    def click() -> None:
        from django.db import connection

        start.wait()
        made = submissions.create(
            deal=asked, person=person, by=Actor.of(person), clock=SystemClock(), form_token=token
        )
        ids.append(made.pk)
        connection.close()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    [click.start() for click in clicks]
    [click.join() for click in clicks]

    assert len(ids) == 4
    assert len(set(ids)) == 1
    assert Submission.objects.count() == 1


def test_of_two_people_who_submit_the_same_deal_at_once_the_second_is_asked(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    firm = make_firm()
    people = [
        make_person("Olivia Owner", Role.SALES, member_id="us_owner"),
        make_person("Carl Colleague", Role.SALES, member_id="us_colleague"),
    ]
    asked = deal(
        book_id=firm.harbor.pk, household_id="", pipeline_id="", pipeline_stage_id="", pipeline_type="client"
    )
    both_looked, looked, look = threading.Barrier(2), threading.local(), duplicate_question.similar_deals
    made: list[Submission] = []
    questions: list[duplicate_question.DuplicateQuestion] = []

    def look_together(*args: Any, **kwargs: Any) -> list[duplicate_question.SimilarDeal]:
        found = look(*args, **kwargs)
        if not hasattr(looked, "once"):
            looked.once = True
            both_looked.wait()
        return found

    def submit(person: Person) -> None:
        from django.db import connection

        try:
            token, by = form_tokens.issue_token(person), Actor.of(person)
            made.append(
                submissions.create(deal=asked, person=person, by=by, clock=SystemClock(), form_token=token)
            )
        except duplicate_question.DuplicateQuestion as question:
            questions.append(question)
        connection.close()

    monkeypatch.setattr(submissions, "similar_deals", look_together)
    threads = [threading.Thread(target=submit, args=[person]) for person in people]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    assert [row.pk for row in made] == list(Submission.objects.values_list("pk", flat=True))
    assert [similar.submission_id for question in questions for similar in question.similar] == [
        str(made[0].pk)
    ]
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["submission.queued"]


@given(st.text(min_size=1), st.integers(0, 2_000_000_000))
def test_a_body_is_ascii_and_says_what_was_typed(name: str, value: int) -> None:
    import json

    from opportunities.delivery.kinds import encode_body

    body = encode_body(CreateKind.body(deal(name=name, value=value)))

    assert body.isascii()
    assert json.loads(body)["name"] == name
    assert json.loads(body)["value"] == value


def test_nothing_that_was_left_empty_is_sent(office: Office) -> None:
    body = CreateKind.body(deal(household_id="", value=None, pipeline_id="", pipeline_type="client"))

    assert set(body) == {"book_id", "name", "pipeline_stage_id", "assigned_to_id", "pipeline_type"}
