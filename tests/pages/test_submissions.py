"""The list of one's own, and the page of one: every state in words, for those who may see it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from opportunities.models import Budget, Hold, Person, State, Submission
from opportunities.wording import board as board_words
from opportunities.wording import create as create_words
from opportunities.wording import deals as deals_words
from opportunities.wording import states as states_words
from opportunities.wording import submissions as submissions_words

from .conftest import Fill, Make, Page, now

pytestmark = pytest.mark.django_db
Browse = Callable[[Person], Client]
LIST = "/submissions/"


def shown(client: Client, row: Submission) -> Page:
    return Page(client.get(f"{LIST}{row.pk}/"))


def test_the_page_carries_its_state_for_scripts(owner: Person, browse: Browse, sent: Make) -> None:
    row = sent(State.CONFIRMED, attempts_count=1)

    main = shown(browse(owner), row).first("main")

    assert {name: main[name] for name in main if name.startswith("data-")} == {
        "data-submission": str(row.pk),
        "data-kind": "create",
        "data-state": "confirmed",
        "data-opportunity": row.opportunity_id,
        "data-attempts": "1",
    }


SOON = {"due_at": None}
STATES = [
    (State.QUEUED, "", "Waiting its turn", "It is saved here and will be sent to Slant in a moment."),
    (
        State.QUEUED,
        "busy",
        "Waiting its turn",
        "Slant asked us to slow down. We send this by ourselves as soon as it takes calls again;",
    ),
    (
        State.QUEUED,
        "unreachable",
        "Waiting for Slant",
        "Slant does not answer. We send this by ourselves as soon as it answers again;",
    ),
    (State.QUEUED, "budget", "Waiting its turn", "We have used all the calls Slant allows in an hour."),
    (State.QUEUED, "token_refused", "Waiting for access to Slant", "Slant no longer accepts our connection."),
    (
        State.QUEUED,
        "token_read_only",
        "Waiting for access to Slant",
        "Slant lets us read but not make changes.",
    ),
    (State.QUEUED, "absent", "Waiting to be sent again", "it is not there"),
    (State.QUEUED, "still_send", "Still send this?", "waiting for you to confirm"),
    (State.SENDING, "", "Sending to Slant", "This usually takes under two seconds."),
    (
        State.UNKNOWN,
        "no_answer",
        "We are not sure it arrived",
        "the answer got lost. Please do not enter it again.",
    ),
    (State.UNKNOWN, "lease_expired", "We are not sure it arrived", "Please do not enter it again."),
    (State.UNKNOWN, "mismatch", "We are checking with Slant", "Please do not enter it again."),
    (State.UNKNOWN, "unit_alarm", "Slant recorded a different value", "Please do not enter it again."),
    (State.REVIEW, "two_matches", "A manager decides", "we neither link nor send by ourselves"),
    (State.CONFIRMED, "", "Created in Slant", "is in Slant in the Lead stage, owned by you."),
    (State.CONFIRMED, "found", "Created in Slant", "The answer got lost, but we found it"),
    (State.REJECTED, "rejected", "Slant refused it", "Slant said: “Not today”. Nothing was created."),
    (
        State.REJECTED,
        "forbidden_book",
        "Slant refused it",
        "Slant does not let Slantweb make changes in Harbor.",
    ),
    (State.REJECTED, "date_passed", "Its close date has passed", "Nothing was created."),
    (State.WITHDRAWN, "withdrawn_by_owner", "Withdrawn", "It was withdrawn before it was sent."),
    (State.WITHDRAWN, "closed", "Closed without a record", "it is not in Slant"),
]


@pytest.mark.parametrize(("state", "code", "title", "sentence"), STATES)
def test_each_state_is_told_in_words(
    owner: Person, browse: Browse, sent: Make, state: str, code: str, title: str, sentence: str
) -> None:
    due = now() + timedelta(minutes=3) if state == State.QUEUED and code else None

    page = shown(browse(owner), sent(state, reason_code=code, reason_text="Not today", due_at=due))

    assert page.said("outcome") == title
    assert sentence in " ".join(page.text.split())
    assert ("Created in Slant" in page.text) == (state == State.CONFIRMED)


def test_every_state_and_reason_has_words_that_can_be_filled() -> None:
    for state, by_reason in states_words.STATES.items():
        assert State(state)
        for words in by_reason.values():
            words.sentence.format(at="soon", name="x", where="", book="Harbor")


@pytest.mark.parametrize(
    "said", [create_words.ADD_ANOTHER, deals_words.SAVED, board_words.MOVED, board_words.CREATED]
)
def test_whatever_became_of_a_form_there_are_words_for_it(said: dict[str, str]) -> None:
    assert set(said) == set(State)


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
def test_after_twelve_seconds_nothing_turns_any_more(
    owner: Person, browse: Browse, sent: Make, state: str
) -> None:
    page = shown(browse(owner), sent(state, created_at=now() - timedelta(seconds=13)))

    assert "spin" not in page.text
    assert ("Saved, still working" in page.text) == (state == State.SENDING)


def test_what_waits_while_sending_is_stopped_says_so(owner: Person, browse: Browse, sent: Make) -> None:
    row = sent()
    Hold.objects.create(pk="stopped", at=now())

    page = shown(browse(owner), row)

    assert page.said("outcome") == "Sending is stopped"


BACK = "We send this by ourselves as soon as it answers again"


@pytest.mark.parametrize(
    ("state", "reason", "title", "sentence"),
    [
        (State.QUEUED, "", "Waiting for Slant", BACK),
        (
            State.QUEUED,
            "absent",
            "Waiting for Slant",
            "We send this by ourselves as soon as it answers again",
        ),
        (
            State.QUEUED,
            "budget",
            "Waiting for Slant",
            "We send this by ourselves as soon as it answers again",
        ),
        (State.QUEUED, "still_send", "Still send this?", "waiting for you to confirm"),
        (State.UNKNOWN, "no_answer", "We are not sure it arrived", "We look as soon as Slant answers again."),
    ],
)
def test_while_slant_is_away_no_page_names_a_time_that_nobody_can_keep(
    owner: Person, browse: Browse, sent: Make, state: str, reason: str, title: str, sentence: str
) -> None:
    row = sent(state, reason_code=reason, attempts_count=1, due_at=now() + timedelta(minutes=5))
    Budget.objects.update(opened_at=now(), probe_at=now())

    page = shown(browse(owner), row)

    assert page.said("outcome") == title
    assert sentence in " ".join(page.text.split())
    assert "at about" not in page.text


def test_while_slant_asks_for_a_pause_the_page_says_that(owner: Person, browse: Browse, sent: Make) -> None:
    Budget.objects.update(opened_at=now(), probe_at=now(), busy_until=now() + timedelta(minutes=9))

    page = shown(browse(owner), sent())

    assert page.said("outcome") == "Waiting its turn"
    assert "as soon as it takes calls again" in page.text


@pytest.mark.parametrize("reason", ["busy", "budget", "unreachable"])
def test_nothing_that_waits_is_promised_for_a_time(
    owner: Person, browse: Browse, sent: Make, reason: str
) -> None:
    page = shown(browse(owner), sent(State.QUEUED, reason_code=reason, due_at=now() + timedelta(minutes=9)))

    assert "at about" not in page.text
    assert "Waiting to be sent" in page.text


def test_the_page_shows_what_was_sent_and_each_attempt(owner: Person, browse: Browse, sent: Make) -> None:
    row = sent(State.QUEUED, reason_code="busy", attempts_count=1, outcome="busy")

    text = " ".join(shown(browse(owner), row).text.split())

    for words in ("$640,000", "40%", "22 January 2030", "Olivia Owner", "Slant chooses"):
        assert f"<dd>{words}" in text
    for words in ("Slant asked us to slow down", "429", "0.6 s", "Too many requests", "req_1"):
        assert words in text


def test_what_slant_answered_differently_stands_beside_it(owner: Person, browse: Browse, sent: Make) -> None:
    row = sent(
        State.UNKNOWN, reason_code="mismatch", attempts_count=1, outcome="ok", mismatches=["probability"]
    )

    assert "Slant answered 30%" in shown(browse(owner), row).text


# Keeping itself up to date


def test_a_page_that_is_not_final_asks_again_and_works_without_scripts(
    owner: Person, browse: Browse, sent: Make
) -> None:
    client = browse(owner)

    open_page = shown(client, sent(State.SENDING)).text
    final_page = shown(client, sent(State.CONFIRMED)).text

    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in open_page
    assert 'data-look-again="2000"' in open_page
    assert 'http-equiv="refresh"' not in final_page
    assert "data-look-again" not in final_page


def test_a_poll_without_news_is_204_and_with_news_only_the_page_itself(
    owner: Person, browse: Browse, sent: Make
) -> None:
    client, row = browse(owner), sent(State.SENDING)
    poll = next(attrs for _, attrs in shown(client, row).elements if "data-look-again" in attrs)["hx-get"]

    same = client.get(poll, headers={"HX-Request": "true"})
    Submission.objects.filter(pk=row.pk).update(state=State.CONFIRMED, opportunity_id="op_1")
    news = client.get(poll, headers={"HX-Request": "true"})

    assert (same.status_code, same.content) == (204, b"")
    page = Page(news)
    assert page.first("main")["data-state"] == "confirmed"
    assert "<html" not in page.text
    assert "HX-Request" in news["Vary"]


# Who may


def test_sales_open_their_own_alone(
    owner: Person, colleague: Person, outsider: Person, browse: Browse, sent: Make
) -> None:
    row = sent()

    answers = [browse(person).get(f"{LIST}{row.pk}/") for person in (colleague, outsider)]
    unknown = browse(colleague).get(f"{LIST}{uuid4()}/")

    assert [answer.status_code for answer in answers] == [404, 404]
    assert Page(answers[0]).said("main") == Page(unknown).said("main")


def test_managers_and_compliance_open_any_of_the_books_they_see(
    manager: Person, compliance: Person, browse: Browse, sent: Make
) -> None:
    row = sent()

    for person in (manager, compliance):
        page = shown(browse(person), row)
        assert "by Olivia Owner" in page.text
        assert "Withdraw" not in page.said("main")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_are_only_read(owner: Person, browse: Browse, sent: Make, method: str) -> None:
    client, row = browse(owner), sent()

    assert getattr(client, method)(LIST).status_code == 405
    assert getattr(client, method)(f"{LIST}{row.pk}/").status_code == 405
    assert client.get(f"{LIST}{row.pk}/withdraw/").status_code == 405
    assert client.get(f"{LIST}{row.pk}/still-send/").status_code == 405


# Taking back, going on


def test_its_owner_withdraws_what_waits(owner: Person, browse: Browse, fill: Fill) -> None:
    client = browse(owner)
    client.post("/opportunities/new/", fill(owner))
    row = Submission.objects.get()

    response = client.post(f"{LIST}{row.pk}/withdraw/")

    row.refresh_from_db()
    assert (response.status_code, response["Location"]) == (303, f"{LIST}{row.pk}/")
    assert row.state == State.WITHDRAWN
    assert "Okonkwo rollover was withdrawn." in client.get(response["Location"]).content.decode()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("create", "Okonkwo rollover was withdrawn. Nothing was created in Slant."),
        ("edit", "The change to Okonkwo rollover was withdrawn. Nothing was changed in Slant."),
        ("move", "The change to Okonkwo rollover was withdrawn. Nothing was changed in Slant."),
    ],
)
def test_a_change_taken_back_is_not_told_as_a_deal(
    owner: Person, browse: Browse, sent: Make, kind: str, said: str
) -> None:
    row = sent(kind=kind, opportunity_id="" if kind == "create" else "op_1")

    assert said in browse(owner).post(f"{LIST}{row.pk}/withdraw/", follow=True).text


def test_what_is_being_sent_stays_and_says_why(owner: Person, browse: Browse, sent: Make) -> None:
    client, row = browse(owner), sent(State.SENDING)

    page = client.post(f"{LIST}{row.pk}/withdraw/", follow=True).content.decode()

    row.refresh_from_db()
    assert row.state == State.SENDING
    assert submissions_words.TOO_LATE in page


def test_nobody_withdraws_for_another(manager: Person, outsider: Person, browse: Browse, sent: Make) -> None:
    row = sent()

    assert browse(manager).post(f"{LIST}{row.pk}/withdraw/").status_code == 403
    assert browse(outsider).post(f"{LIST}{row.pk}/withdraw/").status_code == 404
    row.refresh_from_db()
    assert row.state == State.QUEUED


def test_its_owner_says_that_it_is_still_wanted(
    owner: Person, manager: Person, browse: Browse, sent: Make
) -> None:
    row = sent(reason_code="still_send", due_at=None)

    assert browse(manager).post(f"{LIST}{row.pk}/still-send/").status_code == 403
    browse(owner).post(f"{LIST}{row.pk}/still-send/")

    row.refresh_from_db()
    assert row.reason_code == ""
    assert row.due_at is not None


def test_only_what_was_refused_or_withdrawn_is_corrected(owner: Person, browse: Browse, sent: Make) -> None:
    client = browse(owner)

    offered = {
        state: f"/opportunities/new/?from={row.pk}" in shown(client, row).links()
        for state in State.values
        for row in [sent(state)]
    }

    assert {state for state, yes in offered.items() if yes} == {State.REJECTED, State.WITHDRAWN}
