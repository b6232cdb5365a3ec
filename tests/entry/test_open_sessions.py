"""Everybody sees where they are signed in and can end it; a manager can end it for a leaver."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from opportunities.models import AuditEvent, OpenSession, Person
from opportunities.selectors.sessions import browser_name

pytestmark = pytest.mark.django_db

PAGE = "/settings/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1"
)
Events = Callable[[], list[tuple[str, str]]]


def come_in(persona: str = "manager", agent: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    assert client.post("/demo/sign-in/", {"persona": persona}).status_code == 303
    return client


def is_in(client: Client) -> bool:
    return client.get("/session/").status_code == 204


def ids(client: Client) -> dict[str, str]:
    """The sessions on the page, by the name of the browser."""
    return {line.browser: str(line.id) for line in client.get(PAGE).context["sessions"]}


def test_the_page_lists_the_browsers_one_is_signed_in_with_and_no_session_number() -> None:
    here, there = come_in(), come_in(agent=SAFARI)
    come_in("compliance")

    page = here.get(PAGE)

    assert list(ids(here)) == ["Firefox on Linux", "Safari on iOS"]
    assert page.text.count("data-session=") == 2
    assert "This browser" in page.text
    for client in (here, there):
        assert str(client.session.session_key) not in page.text
    assert f'href="{PAGE}"' in here.get("/submissions/").text


def test_one_of_them_is_ended_and_the_trail_says_so(events: Events) -> None:
    here, there, other = come_in(), come_in(agent=SAFARI), come_in("compliance")

    response = here.post(PAGE, {"session": ids(here)["Safari on iOS"]})

    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert [is_in(client) for client in (here, there, other)] == [True, False, True]
    assert events()[-1] == ("person.signed_out", "elsewhere")
    assert list(ids(here)) == ["Firefox on Linux"]
    assert "ended a session of theirs" in other.get("/audit/").text


def test_all_others_are_ended_at_once() -> None:
    here, there, third = come_in(), come_in(agent=SAFARI), come_in()

    here.post(PAGE, {"others": "1"})

    assert [is_in(client) for client in (here, there, third)] == [True, False, False]


@pytest.mark.parametrize("session", ["", "nonsense", "484a40cf-fe84-4b1a-bc7a-9866172971e9", "own", "other"])
def test_nobody_ends_what_is_not_another_session_of_theirs(session: str, events: Events) -> None:
    here, other = come_in(), come_in("compliance", SAFARI)
    chosen = {"own": ids(here)["Firefox on Linux"], "other": ids(other)["Safari on iOS"]}.get(
        session, session
    )

    response = here.post(PAGE, {"session": chosen}, follow=True)

    assert "That session was over already." in response.text
    assert [is_in(here), is_in(other)] == [True, True]
    assert ("person.signed_out", "elsewhere") not in events()


def test_a_manager_ends_all_sessions_of_a_leaver(events: Events) -> None:
    manager, leaver, also = come_in(), come_in("compliance"), come_in("compliance", SAFARI)
    person = Person.objects.get(email="compliance@demo.example")
    assert "End 2 sessions" in " ".join(manager.get("/settings/people/").text.split())

    response = manager.post("/settings/people/end-sessions/", {"person": str(person.pk)}, follow=True)

    assert "2 sessions of Casey Compliance ended." in response.text
    assert [is_in(client) for client in (manager, leaver, also)] == [True, False, False]
    assert events()[-2:] == [("person.signed_out", "manager")] * 2
    event = AuditEvent.objects.order_by("seq").last()
    assert event is not None
    assert (event.actor_display, event.object_id) == ("Morgan Manager", str(person.pk))


def test_only_managers_end_sessions_of_others() -> None:
    manager, compliance = come_in(), come_in("compliance")
    person = Person.objects.get(email="manager@demo.example")

    assert compliance.post("/settings/people/end-sessions/", {"person": str(person.pk)}).status_code == 403
    assert is_in(manager)


@pytest.mark.parametrize("person", ["", "nonsense", "484a40cf-fe84-4b1a-bc7a-9866172971e9"])
def test_nobody_unknown_is_signed_out(person: str) -> None:
    manager = come_in()

    response = manager.post("/settings/people/end-sessions/", {"person": person}, follow=True)

    assert "Choose one of the people listed." in response.text


def test_a_session_that_is_over_is_not_listed_and_its_row_goes() -> None:
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    with time_machine.travel(start, tick=False):
        idle = come_in(agent=SAFARI)
        out = come_in()
        out.post("/sign-out/")
        assert OpenSession.objects.count() == 1
    with time_machine.travel(start + timedelta(minutes=31), tick=False):
        here = come_in()
        assert list(ids(here)) == ["Firefox on Linux"]
        assert not is_in(idle)
        assert OpenSession.objects.count() == 1


def test_a_session_of_an_earlier_version_is_listed_once_it_is_used(manager: Person) -> None:
    start = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    client = Client(headers={"User-Agent": SAFARI})
    with time_machine.travel(start, tick=False):
        client.force_login(manager)
        client.get("/session/")
    with time_machine.travel(start + timedelta(minutes=2), tick=False):
        client.get("/session/")

        assert list(ids(client)) == ["Safari on iOS"]
        assert Session.objects.count() == OpenSession.objects.count() == 1


def test_a_new_secret_key_keeps_the_session_and_its_line(settings: Settings) -> None:
    client = come_in()
    before = client.session.session_key
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key" * 4

    assert is_in(client)
    # By one name: of several requests at the same time none may find its session gone.
    assert client.session.session_key == before
    assert list(ids(client)) == ["Firefox on Linux"]
    assert client.get(PAGE).context["sessions"][0].is_this


def test_the_page_costs_the_same_for_one_session_and_for_three(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    here = come_in()
    here.get(PAGE)
    with django_assert_num_queries(100, exact=False) as one:
        here.get(PAGE)
        cost = len(one)
    come_in(agent=SAFARI)
    come_in(agent=SAFARI)

    with django_assert_num_queries(cost):
        here.get(PAGE)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/143.0 Safari/537.36", "Chrome on macOS"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
        ("<script>Chrome/</script>", "Chrome"),
    ],
)
def test_a_browser_is_named_in_two_words(agent: str, name: str) -> None:
    assert browser_name(agent) == name
