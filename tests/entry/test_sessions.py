"""A session ends after half an hour without a person, and after eight hours whatever happens."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries, Settings

from slantweb.messages import SessionMessages
from slantweb.session_rows import SessionStore

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.entry.odd_urls")]

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Events = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def someone(client: Client) -> Client:
    with time_machine.travel(START, tick=False):
        client.post("/demo/sign-in/", {"persona": "manager"})
    return client


@pytest.fixture
def at_work(someone: Client) -> Iterator[Client]:
    with time_machine.travel(START + timedelta(minutes=5), tick=False):
        yield someone


def visit(client: Client, minutes: float, path: str = "/odd/page/", **headers: str) -> int:
    with time_machine.travel(START + timedelta(minutes=minutes), tick=False):
        return client.get(path, headers=headers).status_code


def test_half_an_hour_without_a_request_ends_it(someone: Client, events: Events) -> None:
    assert visit(someone, 30) == 200
    assert visit(someone, 60.1) == 302
    assert visit(someone, 60.2) == 302
    assert events() == [("person.signed_in", ""), ("person.signed_out", "idle")]
    assert not Session.objects.exists()


def test_the_idle_limit_is_a_setting(someone: Client, settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES = 5

    assert visit(someone, 6) == 302


def test_work_keeps_it_but_not_beyond_eight_hours(someone: Client) -> None:
    answers = [visit(someone, minutes) for minutes in range(20, 8 * 60 + 20, 20)]

    assert answers == [200] * 23 + [302]


def test_the_cookie_and_the_row_end_with_the_eight_hours(someone: Client) -> None:
    set_at_sign_in = someone.cookies["sessionid"]["max-age"]
    visit(someone, 20)

    assert Session.objects.get().expire_date == START + timedelta(hours=8)
    assert set_at_sign_in == someone.cookies["sessionid"]["max-age"] == 8 * 60 * 60


@pytest.mark.parametrize(("path", "headers"), [("/odd/polled/", {}), ("/odd/page/", {"X-Poll": "1"})])
def test_polls_do_not_keep_it(someone: Client, path: str, headers: dict[str, str]) -> None:
    assert [visit(someone, minutes, path, **headers) for minutes in (10, 20, 29)] == [200, 200, 200]
    assert visit(someone, 31, path, **headers) == 302


def test_a_poll_after_the_end_sends_the_page_to_sign_in(someone: Client) -> None:
    with time_machine.travel(START + timedelta(minutes=31), tick=False):
        response = someone.get(
            "/odd/polled/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/board/"}
        )

    assert (response.status_code, response["HX-Redirect"]) == (401, "/sign-in/?next=%2Fboard%2F")


def test_polls_write_nothing(someone: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2) as asked:
        visit(someone, 10, "/odd/polled/")

    assert all(query["sql"].startswith("SELECT") for query in asked.captured_queries)


def test_activity_is_written_at_most_once_a_minute(someone: Client) -> None:
    def seen() -> int:
        return int(Session.objects.get().get_decoded()["seen"] - START.timestamp())

    trace = []
    for seconds in (30, 59, 60, 90, 119, 120):
        visit(someone, seconds / 60)
        trace.append(seen())

    assert trace == [0, 0, 60, 60, 60, 120]


def test_what_a_page_says_next_is_in_no_cookie_and_goes_with_the_session(at_work: Client) -> None:
    """It names deals. A name of a saved view stands for one here."""
    at_work.post("/board/views/", {"name": "Okonkwo rollover", "query": "q=ok"})
    assert set(at_work.cookies) == {"sessionid", "csrftoken"}
    assert "Okonkwo rollover" in str(Session.objects.get().get_decoded())

    said = [at_work.get("/submissions/").text.count("Okonkwo rollover") for _ in range(2)]
    assert said == [1, 0]

    at_work.post("/board/views/", {"name": "Rivera", "query": "q=ri"})
    at_work.post("/sign-out/")
    assert not Session.objects.exists()


def test_a_message_does_not_put_back_what_another_request_changed(at_work: Client) -> None:
    """As a refresh token that was renewed meanwhile: providers take each only once."""
    slow = RequestFactory().get("/")
    slow.session = SessionStore(at_work.session.session_key)
    slow.session["seen"]
    row = Session.objects.get()
    row.session_data = Session.objects.encode(row.get_decoded() | {"grant": "the next one"})
    row.save()

    slow._messages = SessionMessages(slow)  # type: ignore[attr-defined]
    messages.success(slow, "Saved")
    slow._messages.update(HttpResponse())  # type: ignore[attr-defined]

    left = Session.objects.get().get_decoded()
    assert (left["grant"], "Saved" in str(left)) == ("the next one", True)
    assert not slow.session.modified


@pytest.mark.parametrize("minutes", [-1, -120])
def test_a_clock_set_back_by_hours_ends_it_because_nobody_knows_how_old_it_is(
    someone: Client, events: Events, minutes: float
) -> None:
    assert visit(someone, -0.4) == 200, "two machines may differ by as much"
    assert visit(someone, minutes) == 302
    assert events()[-1] == ("person.signed_out", "idle")
