"""While somebody works, the provider is asked again: by refresh token, else by a page load."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from pytest_django import Settings

from opportunities.models import Person
from slantweb.sealing import unseal

from .conftest import Visitor
from .forger import Forger

Events = Callable[[], list[tuple[str, str]]]
Later = Callable[[float], None]
REFRESH = "rt-canary-0123456789"
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": "http://testserver/submissions/"}


@pytest.fixture
def later() -> Iterator[Later]:
    """Turn the clock: minutes after the sign-in."""
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False) as traveller:
        yield lambda minutes: traveller.move_to(start + timedelta(minutes=minutes))


@pytest.fixture
def inside(later: Later, visitor: Visitor) -> Visitor:
    """Somebody whose provider gave a refresh token."""
    visitor.sign_in(more={"refresh_token": REFRESH})
    visitor.forger.asked.clear()
    return visitor


@pytest.fixture
def by_page(later: Later, visitor: Visitor) -> Visitor:
    """Somebody whose provider gave none."""
    visitor.sign_in()
    visitor.forger.asked.clear()
    return visitor


def page(visitor: Visitor, path: str = "/submissions/", **headers: str) -> HttpResponse:
    return visitor.client.get(path, headers=headers)


def roles() -> list[str]:
    return Person.objects.get().roles


def test_the_refresh_token_is_kept_where_nobody_can_read_it(inside: Visitor) -> None:
    row = Session.objects.get()

    assert REFRESH not in row.session_data
    assert REFRESH not in str(row.get_decoded())
    assert "eyJ" not in str({name: value for name, value in row.get_decoded().items() if name != "grant"})
    assert unseal(row.get_decoded()["grant"])["refresh"] == REFRESH


def test_another_secret_key_reads_nothing(inside: Visitor, settings: Settings) -> None:
    sealed = Session.objects.get().get_decoded()["grant"]
    settings.SECRET_KEY = "another" * 8

    assert unseal(sealed) == {}


def test_a_change_of_the_secret_key_signs_nobody_out(
    inside: Visitor, later: Later, settings: Settings
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 8
    later(6)
    inside.forger.answer_with(inside.forger.token(nonce=None), refresh_token="rt-next")

    assert [page(inside).status_code, page(inside).status_code] == [200, 200]
    # The refresh token was read with the old key, and the next one is sealed with the new.
    assert inside.forger.asked[0]["refresh_token"] == REFRESH
    settings.SECRET_KEY_FALLBACKS = []
    assert page(inside).status_code == 200
    assert unseal(Session.objects.get().get_decoded()["grant"])["refresh"] == "rt-next"


def test_within_five_minutes_nobody_is_asked(inside: Visitor, later: Later) -> None:
    later(4.9)

    assert page(inside).status_code == 200
    assert inside.forger.asked == []


def test_after_five_minutes_the_claims_are_renewed_once(inside: Visitor, later: Later) -> None:
    later(5.1)
    inside.forger.answer_with(inside.forger.token(nonce=None, groups=["crm-leads"]), refresh_token="rt-next")

    answers = [page(inside).status_code, page(inside).status_code]

    assert answers == [200, 200]
    (asked,) = inside.forger.asked
    assert (asked["grant_type"], asked["refresh_token"]) == ("refresh_token", REFRESH)
    assert roles() == ["manager"]
    assert unseal(inside.client.session["grant"])["refresh"] == "rt-next"


def test_a_changed_role_is_an_event_and_counts_at_once(inside: Visitor, later: Later, events: Events) -> None:
    later(6)
    inside.forger.answer_with(inside.forger.token(nonce=None, groups=["crm-compliance"]))

    assert page(inside, "/opportunities/new/").status_code == 403
    assert ("person.roles_changed", "") in events()


def test_a_group_taken_away_takes_the_entry_away(inside: Visitor, later: Later, events: Events) -> None:
    later(6)
    inside.forger.answer_with(inside.forger.token(nonce=None, groups=[]), refresh_token=REFRESH)

    response = page(inside)

    assert (response.status_code, roles()) == (403, [])
    assert "You do not have access yet" in response.text
    assert events()[1] == ("person.roles_changed", "no_group")


def test_a_group_given_back_lets_them_in_again(inside: Visitor, later: Later) -> None:
    for minutes, groups in ((6, []), (12, ["crm-sales"])):
        later(minutes)
        inside.forger.answer_with(inside.forger.token(nonce=None, groups=groups), refresh_token=REFRESH)
        answer = page(inside).status_code

    assert answer == 200


def test_an_answer_without_an_id_token_is_completed_by_userinfo(inside: Visitor, later: Later) -> None:
    later(6)
    inside.forger.userinfo = (200, inside.forger.claims(groups=["crm-leads"]))
    inside.forger.answer_with(None)

    assert page(inside).status_code == 200
    assert roles() == ["manager"]


@pytest.mark.parametrize("error", ["invalid_grant", "access_denied", "login_required"])
def test_a_provider_that_refuses_ends_the_session(
    inside: Visitor, later: Later, events: Events, error: str
) -> None:
    later(6)
    inside.forger.refuse_with(error)

    response = page(inside, "/submissions/?state=open")

    assert response["Location"] == "/sign-in/?next=%2Fsubmissions%2F%3Fstate%3Dopen"
    assert not inside.is_in
    assert not Session.objects.exists()
    assert events()[-1] == ("person.signed_out", "revoked")


def test_an_htmx_request_with_a_revoked_session_takes_the_page_to_sign_in(
    inside: Visitor, later: Later
) -> None:
    later(6)
    inside.forger.refuse_with("invalid_grant")

    response = page(inside, "/households/?q=a", **FRAGMENT)

    assert (response.status_code, response["HX-Redirect"]) == (401, "/sign-in/?next=%2Fsubmissions%2F")


@pytest.mark.parametrize(
    "claims", [{"sub": "somebody-else"}, {"iss": "https://evil.example"}, {"aud": "other"}, {"exp": 1}]
)
def test_a_renewal_that_cannot_be_believed_ends_the_session(
    inside: Visitor, later: Later, claims: dict[str, Any]
) -> None:
    later(6)
    inside.forger.answer_with(inside.forger.token(nonce=None, groups=["crm-leads"], **claims))

    assert page(inside).status_code == 302
    assert (inside.is_in, Person.objects.get(sub="olivia-1").roles) == (False, ["sales"])


@pytest.mark.parametrize("trouble", ["down", "server_error", "invalid_client"])
def test_a_provider_in_trouble_is_left_alone_for_a_minute_and_nobody_is_thrown_out(
    inside: Visitor, later: Later, trouble: str
) -> None:
    later(6)
    inside.forger.up = trouble != "down"
    inside.forger.refuse_with(trouble, 500 if trouble == "server_error" else 401)

    assert [page(inside).status_code for _ in range(3)] == [200, 200, 200]
    assert len(inside.forger.asked) == (0 if trouble == "down" else 1)
    later(7.1)
    inside.forger.up = True
    inside.forger.answers = []
    inside.forger.answer_with(inside.forger.token(nonce=None, groups=["crm-leads"]))
    page(inside)
    assert roles() == ["manager"]


def test_an_hour_without_an_answer_ends_the_session_all_the_same(
    inside: Visitor, later: Later, events: Events
) -> None:
    inside.forger.up = False
    answers = []
    for minutes in (20, 40, 59, 61):
        later(minutes)
        answers.append(page(inside).status_code)

    assert answers == [200, 200, 200, 302]
    assert events()[-1] == ("person.signed_out", "claims")


def test_polls_renew_too_but_never_keep_a_session_alive(inside: Visitor, later: Later) -> None:
    later(10)
    inside.forger.answer_with(inside.forger.token(nonce=None, groups=[]), refresh_token=REFRESH)

    assert page(inside, "/submissions/", **{"X-Poll": "1"}).status_code == 403
    later(31)
    assert page(inside, "/submissions/", **{"X-Poll": "1"}).status_code == 302


def test_of_two_requests_at_once_one_renews(inside: Visitor, later: Later) -> None:
    """Many providers take a refresh token once, and end everything when it comes again."""
    later(6)
    row = Session.objects.get()
    row.session_data = Session.objects.encode(
        row.get_decoded() | {"renewing": int(datetime.now(UTC).timestamp())}
    )
    row.save()

    assert page(inside).status_code == 200
    assert inside.forger.asked == []


def test_a_request_that_began_before_does_not_put_the_old_token_back(inside: Visitor, later: Later) -> None:
    from django.test import RequestFactory

    from slantweb import sessions

    later(6)
    slow = RequestFactory().get("/submissions/")
    slow.session = type(inside.client.session)(inside.client.session.session_key)
    slow.session["seen"]
    inside.forger.answer_with(inside.forger.token(nonce=None), refresh_token="rt-next")
    page(inside)

    assert sessions.is_alive(slow, polling=False)
    slow.session.save()

    assert unseal(inside.client.session["grant"])["refresh"] == "rt-next"


def test_tokens_are_gone_after_signing_out(inside: Visitor) -> None:
    inside.client.post("/sign-out/")

    left = [row.get_decoded() for row in Session.objects.all()]
    assert all("grant" not in data and REFRESH not in str(unseal(data.get("sign_out_hint"))) for data in left)


def test_without_a_refresh_token_a_page_load_goes_by_the_provider(by_page: Visitor, later: Later) -> None:
    later(6)

    response = page(by_page, "/submissions/?state=open")
    by_page.state = by_page.forger.begun(response["Location"])
    by_page.forger.answer_with(by_page.forger.token(groups=["crm-leads"]))
    back = by_page.come_back()

    assert by_page.forger.asked[0]["prompt"] == "none"
    assert back["Location"] == "/submissions/?state=open"
    assert page(by_page).status_code == 200
    assert roles() == ["manager"]


def test_the_session_stays_the_same_one_and_keeps_its_eight_hours(by_page: Visitor, later: Later) -> None:
    before = (by_page.client.session.session_key, by_page.client.session["began"])
    later(6)
    by_page.state = by_page.forger.begun(page(by_page)["Location"])
    by_page.forger.answer_with(by_page.forger.token())
    by_page.come_back()

    assert (by_page.client.session.session_key, by_page.client.session["began"]) == before


@pytest.mark.parametrize(
    "headers", [FRAGMENT, {"X-Poll": "1"}, {"Sec-Fetch-Dest": "empty"}], ids=["fragment", "poll", "script"]
)
def test_only_whole_pages_go_by_the_provider(by_page: Visitor, later: Later, headers: dict[str, str]) -> None:
    later(6)

    assert page(by_page, "/submissions/", **headers).status_code == 200
    assert by_page.client.post("/settings/mine/", {"theme": "dark"}).status_code == 303


@pytest.mark.parametrize(
    "error", ["login_required", "interaction_required", "consent_required", "access_denied"]
)
def test_a_provider_session_that_is_over_ends_ours(
    by_page: Visitor, later: Later, events: Events, error: str
) -> None:
    later(6)
    by_page.state = by_page.forger.begun(page(by_page)["Location"])

    back = by_page.come_back(error=error, code=None)

    assert (back["Location"], by_page.is_in) == ("/sign-in/", False)
    assert events()[-2:] == [("person.refused", f"provider_{error}"), ("person.signed_out", "revoked")]


def test_somebody_else_at_the_provider_ends_the_session(by_page: Visitor, later: Later) -> None:
    later(6)
    by_page.state = by_page.forger.begun(page(by_page)["Location"])
    by_page.forger.answer_with(by_page.forger.token(sub="somebody-else", groups=["crm-leads"]))

    by_page.come_back()

    assert not by_page.is_in
    assert list(Person.objects.values_list("sub", flat=True)) == ["olivia-1"]


def test_trouble_at_the_provider_leads_back_to_the_page_and_is_not_tried_again_at_once(
    by_page: Visitor, later: Later, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    later(6)
    by_page.state = by_page.forger.begun(page(by_page, "/submissions/?state=open")["Location"])

    back = by_page.come_back(error="temporarily_unavailable", code=None)

    assert (back["Location"], by_page.is_in) == ("/submissions/?state=open", True)
    assert page(by_page).status_code == 200
    later(7.1)
    assert page(by_page).status_code == 302


def test_where_neither_works_a_session_lasts_an_hour(by_page: Visitor, later: Later, events: Events) -> None:
    answers = []
    for minutes in (20, 40, 59, 60.1):
        later(minutes)
        answers.append(page(by_page, "/submissions/", **FRAGMENT).status_code)

    assert answers == [200, 200, 200, 401]
    assert events()[-1] == ("person.signed_out", "claims")


def test_two_tabs_begin_and_both_arrive(visitor: Visitor) -> None:
    """The second tab finds its sign-in finished by the first, and goes on as the person who is in."""
    visitor.begin("/submissions/")
    first = (visitor.state, visitor.forger.token())
    visitor.begin("/opportunities/new/")
    second = visitor.state
    visitor.forger.nonce = visitor.forger.asked[0]["nonce"]
    visitor.forger.challenge = visitor.forger.asked[0]["code_challenge"]
    visitor.forger.answer_with(first[1])

    one, two = visitor.come_back(state=first[0]), visitor.come_back(state=second)

    assert (one["Location"], two["Location"], visitor.is_in) == ("/submissions/", "/", True)


def test_signing_out_in_one_tab_ends_the_other(inside: Visitor, events: Events) -> None:
    inside.client.post("/sign-out/")

    assert page(inside).status_code == 302
    assert page(inside, "/submissions/", **FRAGMENT).status_code == 401
    assert events() == [("person.signed_in", ""), ("person.signed_out", "")]


def test_signing_out_leads_on_to_the_providers_sign_out_once(inside: Visitor, forger: Forger) -> None:
    out = inside.client.post("/sign-out/")
    first, second = page(inside, "/signed-out/"), page(inside, "/signed-out/")

    assert (out.status_code, out["Location"]) == (303, "/signed-out/")
    assert f'<meta http-equiv="refresh" content="1; url={forger.issuer}/end?client_id=slantweb' in first.text
    assert f'href="{forger.issuer}/end?client_id=slantweb' in first.text
    assert "post_logout_redirect_uri=http%3A%2F%2Ftestserver%2Fsigned-out%2F" in first.text
    assert "id_token_hint=eyJ" in first.text
    assert REFRESH not in first.text
    assert (forger.issuer in second.text, "Sign in again" in second.text) == (False, True)
    assert not Session.objects.exists()


@pytest.mark.parametrize("address", [None, "http://sign-on.example/end", "javascript:alert(1)"])
def test_a_provider_without_a_sign_out_of_its_own(
    inside: Visitor, forger: Forger, address: str | None
) -> None:
    forger.config["end_session_endpoint"] = address
    from django.core.cache import caches

    caches["process"].clear()
    inside.client.post("/sign-out/")

    assert "http-equiv" not in page(inside, "/signed-out/").text


def test_how_long_the_session_lasts_is_in_every_answer(
    inside: Visitor, later: Later, settings: Settings
) -> None:
    later(3)
    assert page(inside)["X-Session-Left"] == f"{30 * 60} {(8 * 60 - 3) * 60}"
    later(10)
    inside.forger.up = False
    left = inside.client.get("/session/", headers={"X-Poll": "1"})
    assert (left.status_code, left["X-Session-Left"]) == (204, f"{23 * 60} {(8 * 60 - 10) * 60}")
    assert inside.client.post("/session/")["X-Session-Left"] == f"{30 * 60} {(8 * 60 - 10) * 60}"


def test_a_session_that_cannot_be_renewed_says_that_it_lasts_an_hour(by_page: Visitor) -> None:
    assert page(by_page)["X-Session-Left"] == f"{30 * 60} {60 * 60}"


def test_a_provider_that_was_asked_two_hours_ahead_is_asked_again(inside: Visitor, later: Later) -> None:
    """The clock was set back since: neither the claims nor a renewal under way are as new as they seem."""
    row = Session.objects.get()
    ahead = int(datetime.now(UTC).timestamp()) + 7200
    kept = row.get_decoded() | {"renewing": ahead, "ask_after": ahead}
    row.session_data = Session.objects.encode(kept)
    row.save()
    later(6)
    inside.forger.answer_with(inside.forger.token(nonce=None), refresh_token=REFRESH)

    assert page(inside).status_code == 200
    assert len(inside.forger.asked) == 1
