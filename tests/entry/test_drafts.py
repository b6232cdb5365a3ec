"""What was typed survives the end of a session, for the person who typed it, and is never sent by it."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from opportunities.actions import form_tokens
from opportunities.models import Draft, Person, Submission
from tests.support.people import Firm

NEW, FIELDS = "/opportunities/new/", "/opportunities/new/fields/"
TYPED = {"book_id": "bk_harbor", "name": "Okonkwo rollover", "value": "640k", "household_id": "hh_okonkwo"}
ON_THE_PAGE = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{NEW}"}

SignIn = Callable[[Person], Client]
Later = Callable[[float], None]


@pytest.fixture
def later() -> Iterator[Later]:
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False) as traveller:
        yield lambda minutes: traveller.move_to(start + timedelta(minutes=minutes))


@pytest.fixture
def typing(later: Later, firm: Firm, owner: Person, signed_in: SignIn) -> Client:
    """The owner's browser, with a form half filled in."""
    client = signed_in(owner)
    client.get(NEW)
    assert client.post(FIELDS, TYPED, headers=ON_THE_PAGE).status_code == 200
    return client


def whole(person: Person, **changed: str) -> dict[str, str]:
    form = TYPED | {"pipeline_id": "pl_prospects", "assigned_to_id": "us_owner"}
    return form | {"form_token": form_tokens.issue_token(person)} | changed


def shows_typed(client: Client, path: str = NEW) -> bool:
    return "Okonkwo rollover" in client.get(path).text


def test_each_redraw_keeps_what_is_typed(typing: Client, owner: Person) -> None:
    typing.post(FIELDS, TYPED | {"value": "650k"}, headers=ON_THE_PAGE)

    draft = Draft.objects.get()
    assert (draft.person, draft.form) == (owner, "create")
    assert draft.fields["typed"] == TYPED | {"value": "650k"}


def test_a_token_is_not_kept_with_it(typing: Client, owner: Person) -> None:
    typing.post(FIELDS, whole(owner), headers=ON_THE_PAGE)

    assert "form_token" not in json.dumps(Draft.objects.get().fields)


def test_looking_at_a_redraw_keeps_nothing(firm: Firm, owner: Person, signed_in: SignIn) -> None:
    signed_in(owner).get(FIELDS, TYPED)

    assert not Draft.objects.exists()


def test_after_an_idle_end_the_form_reopens_for_the_same_person(
    typing: Client, later: Later, owner: Person, signed_in: SignIn
) -> None:
    later(31)
    assert typing.get(NEW)["Location"] == "/sign-in/?next=%2Fopportunities%2Fnew%2F"

    page = signed_in(owner).get(NEW).text

    assert 'value="Okonkwo rollover"' in page
    assert "what you had typed when your session ended" in page
    assert 'value="640k"' in page


def test_nobody_else_sees_it(typing: Client, later: Later, colleague: Person, signed_in: SignIn) -> None:
    later(31)
    typing.get(NEW)

    assert not shows_typed(signed_in(colleague))


def test_a_redraw_after_the_end_goes_to_sign_in_and_back_to_the_page_and_is_kept(
    typing: Client, later: Later, owner: Person, signed_in: SignIn
) -> None:
    later(31)

    response = typing.post(FIELDS, whole(owner, name="Okonkwo rollover, larger"), headers=ON_THE_PAGE)

    assert (response.status_code, response["HX-Redirect"]) == (
        401,
        "/sign-in/?next=%2Fopportunities%2Fnew%2F",
    )
    assert "Okonkwo rollover, larger" in signed_in(owner).get(NEW).text


@pytest.mark.parametrize("session", ["idle", "no cookie", "gone"])
def test_a_post_after_the_end_becomes_a_draft_and_never_a_submission(
    typing: Client, later: Later, owner: Person, signed_in: SignIn, session: str
) -> None:
    if session == "idle":
        later(31)
    elif session == "gone":
        Session.objects.all().delete()
    else:
        typing.cookies.clear()

    response = typing.post(
        NEW, whole(owner, name="Sent too late"), headers={"Referer": f"http://testserver{NEW}"}
    )

    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=%2Fopportunities%2Fnew%2F")
    assert not Submission.objects.exists()
    assert Draft.objects.get().fields["typed"]["name"] == "Sent too late"
    assert "Sent too late" in signed_in(owner).get(NEW).text


@pytest.mark.parametrize("token", ["", "forged", "x:y:z", "[]", "of another kind"])
def test_without_a_token_of_ours_nothing_is_kept(
    firm: Firm, owner: Person, client: Client, token: str
) -> None:
    if token == "of another kind":
        from django.core import signing

        token = signing.dumps([str(owner.pk), "x"], salt="something.else")

    client.post(NEW, whole(owner, form_token=token))

    assert not Draft.objects.exists()


def test_an_old_token_keeps_nothing(later: Later, firm: Firm, owner: Person, client: Client) -> None:
    form = whole(owner)
    later(13 * 60)

    client.post(NEW, form)

    assert not Draft.objects.exists()


def test_it_is_kept_for_whom_the_form_was_made_not_for_who_is_in(
    firm: Firm, owner: Person, colleague: Person, signed_in: SignIn
) -> None:
    response = signed_in(colleague).post(NEW, whole(owner, name="Olivia's"))

    assert response.status_code == 422
    assert not Submission.objects.exists()
    assert not Draft.objects.filter(person=owner).exists()


def test_a_second_form_opened_on_purpose_starts_empty(typing: Client) -> None:
    assert not shows_typed(typing)


def test_a_colleagues_browser_elsewhere_does_not_reopen_it_while_the_session_lives(
    typing: Client, owner: Person, signed_in: SignIn
) -> None:
    assert not shows_typed(signed_in(owner))


def test_a_link_that_fills_the_form_in_wins_but_the_very_page_reopens(
    later: Later, firm: Firm, owner: Person, signed_in: SignIn
) -> None:
    page = f"{NEW}?book_id=bk_harbor&pipeline_id=pl_prospects"
    client = signed_in(owner)
    client.get(page)
    client.post(FIELDS, TYPED, headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"})
    later(31)
    client.get(page)
    again = signed_in(owner)

    assert not shows_typed(again, f"{NEW}?household_id=hh_rivera")
    assert shows_typed(again, page)
    assert shows_typed(again, NEW)


def test_it_can_be_thrown_away(typing: Client, later: Later, owner: Person, signed_in: SignIn) -> None:
    later(31)
    typing.get(NEW)
    client = signed_in(owner)

    response = client.post(NEW, {"redraw": "empty"})

    assert (response.status_code, response["Location"]) == (303, NEW)
    assert not shows_typed(client)
    assert not Draft.objects.exists()


def test_it_is_gone_once_sent(typing: Client, owner: Person, settings: object) -> None:
    settings.VIEW_WAIT_SECONDS = 0  # type: ignore[attr-defined]

    response = typing.post(NEW, whole(owner))

    assert response.status_code == 303
    assert Submission.objects.count() == 1
    assert not Draft.objects.exists()


def test_nothing_typed_is_nothing_kept(typing: Client) -> None:
    typing.post(FIELDS, dict.fromkeys(TYPED, " "), headers=ON_THE_PAGE)

    assert not Draft.objects.exists()


def test_after_two_weeks_it_is_forgotten(
    typing: Client, later: Later, owner: Person, signed_in: SignIn
) -> None:
    later(15 * 24 * 60)

    assert not shows_typed(signed_in(owner))


def test_a_clock_set_back_does_not_hide_what_was_typed(
    typing: Client, later: Later, owner: Person, signed_in: SignIn
) -> None:
    later(-120)
    assert shows_typed(signed_in(owner))
