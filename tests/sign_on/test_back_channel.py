"""The provider tells us that a session is over, and ours ends at once; nobody else can tell us so."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from pytest_django import Settings

from opportunities.models import AuditEvent, Person
from tests.sign_on.conftest import Visitor
from tests.sign_on.forger import SECRET, Forger

ADDRESS = "/sign-in/back-channel-logout/"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
Events = Callable[[], list[tuple[str, str]]]


def honest(**changed: Any) -> dict[str, Any]:
    """The claims of a logout token; None leaves one out. The forger adds issuer, audience and times."""
    nothing_of_a_person = dict.fromkeys(("nonce", "email", "email_verified", "name", "groups"))
    return nothing_of_a_person | {"jti": f"jti-{time.monotonic_ns()}", "events": {EVENT: {}}} | changed


def logout_token(forger: Forger, headers: dict[str, Any] | None = None, **changed: Any) -> str:
    key, alg = changed.pop("key", None), changed.pop("alg", "RS256")
    return forger.token(
        key=key, alg=alg, headers={"typ": "logout+jwt"} | (headers or {}), **honest(**changed)
    )


def send(token: str | None) -> Any:
    """As the provider does: no cookie, no token of a form."""
    form = {} if token is None else {"logout_token": token}
    return Client(enforce_csrf_checks=True).post(ADDRESS, form)


def is_in(visitor: Visitor) -> bool:
    return visitor.client.get("/session/").status_code == 204


def test_the_provider_ends_a_persons_sessions_at_once(
    visitor: Visitor, another: Visitor, forger: Forger, events: Events
) -> None:
    visitor.sign_in()
    another.sign_in(sub="somebody-else", email="otto@harbor.example")

    response = send(logout_token(forger))

    assert (response.status_code, response.content, response["Cache-Control"]) == (204, b"", "no-store")
    assert [is_in(visitor), is_in(another)] == [False, True]
    event = AuditEvent.objects.get(action="person.signed_out")
    assert (event.reason_code, event.object_id) == ("provider", str(Person.objects.get(sub="olivia-1").pk))
    assert (event.actor_display, event.session_ref) == ("The sign-on provider", "")


def test_of_two_sessions_of_a_person_the_named_one_ends(
    visitor: Visitor, another: Visitor, forger: Forger
) -> None:
    visitor.sign_in(sid="session-1")
    another.sign_in(sid="session-2")

    assert send(logout_token(forger, sid="session-1")).status_code == 204
    assert [is_in(visitor), is_in(another)] == [False, True]

    assert send(logout_token(forger, sid="session-2", sub=None)).status_code == 204
    assert not is_in(another)


def test_a_session_whose_name_there_is_not_known_ends_with_its_person(
    visitor: Visitor, forger: Forger
) -> None:
    visitor.sign_in()

    send(logout_token(forger, sid="session-1"))

    assert not is_in(visitor)


def test_a_session_that_is_over_or_unknown_is_no_error(
    visitor: Visitor, forger: Forger, events: Events
) -> None:
    assert [
        send(logout_token(forger)).status_code,
        send(logout_token(forger, sub=None, sid="x")).status_code,
    ] == [*(204, 204)]
    assert events() == []


def test_a_token_counts_once(visitor: Visitor, forger: Forger) -> None:
    visitor.sign_in()
    token = logout_token(forger)
    assert send(token).status_code == 204
    visitor.sign_in()

    again = send(token)

    assert (again.status_code, again.json()) == (400, {"error": "invalid_request"})
    assert is_in(visitor)


def test_a_token_that_could_not_be_carried_out_is_not_used_up(
    visitor: Visitor, forger: Forger, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in()
    token = logout_token(forger)
    with monkeypatch.context() as broken:
        broken.setattr("opportunities.actions.people.sign_out", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            send(token)
    assert is_in(visitor)

    assert send(token).status_code == 204
    assert not is_in(visitor)


def public_pem(forger: Forger) -> bytes:
    return forger.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


FORGED: dict[str, Callable[[Forger], str | None]] = {
    "none": lambda f: None,
    "empty": lambda f: "",
    "no token": lambda f: "end it",
    "nested too deep": lambda f: f.deep_token(),
    "too long": lambda f: logout_token(f, more="x" * 40_000),
    "unsigned": lambda f: f.bare_token({"alg": "none", "kid": "k-rsa", "typ": "logout+jwt"}, **honest()),
    "HS256 with the public key": lambda f: f.bare_token(
        {"alg": "HS256", "kid": "k-rsa", "typ": "logout+jwt"}, secret=public_pem(f), **honest()
    ),
    "HS256 with the client secret": lambda f: f.bare_token(
        {"alg": "HS256", "typ": "logout+jwt"}, secret=SECRET.encode(), **honest()
    ),
    "another key": lambda f: logout_token(f, key=f.other_rsa),
    "an unknown key": lambda f: logout_token(f, key=f.other_rsa, headers={"kid": "k-mine"}),
    "an access token": lambda f: logout_token(f, headers={"typ": "at+jwt"}),
    "an ID token": lambda f: f.token(),
    "with a nonce": lambda f: logout_token(f, nonce="n-1"),
    "with an empty nonce": lambda f: logout_token(f, nonce=""),
    "without events": lambda f: logout_token(f, events=None),
    "of another event": lambda f: logout_token(f, events={"http://schemas.openid.net/event/other": {}}),
    "an event that is no object": lambda f: logout_token(f, events={EVENT: True}),
    "events that are a list": lambda f: logout_token(f, events=[EVENT]),
    "another issuer": lambda f: logout_token(f, iss="https://evil.example"),
    "no issuer": lambda f: logout_token(f, iss=None),
    "another audience": lambda f: logout_token(f, aud="somebody-else"),
    "our name inside another": lambda f: logout_token(f, aud="slantweb-staging"),
    "no audience": lambda f: logout_token(f, aud=None),
    "expired": lambda f: logout_token(f, exp=ago(120)),
    "never expires": lambda f: logout_token(f, exp=None),
    "kept for an hour": lambda f: logout_token(f, iat=ago(3600)),
    "of no known age": lambda f: logout_token(f, iat=None),
    "from the future": lambda f: logout_token(f, iat=ago(-120)),
    "without a number": lambda f: logout_token(f, jti=None),
    "with an empty number": lambda f: logout_token(f, jti=""),
    "with a number that is no word": lambda f: logout_token(f, jti=["x"]),
    "of nobody": lambda f: logout_token(f, sub=None),
    "of an empty person": lambda f: logout_token(f, sub=""),
    "of a person that is no word": lambda f: logout_token(f, sub={"x": 1}),
    "of an empty session": lambda f: logout_token(f, sid=""),
    "an extension we do not know": lambda f: logout_token(f, headers={"crit": ["b64"], "b64": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_logout_ends_nothing(visitor: Visitor, forger: Forger, name: str, events: Events) -> None:
    visitor.sign_in(sid="session-1")

    response = send(FORGED[name](forger))

    assert (response.status_code, response.json()) == (400, {"error": "invalid_request"})
    assert response["Cache-Control"] == "no-store"
    assert is_in(visitor)
    assert events() == [("person.signed_in", "")]


def test_only_a_post_ends_anything(visitor: Visitor, forger: Forger) -> None:
    visitor.sign_in()
    token = logout_token(forger)

    assert Client().get(ADDRESS, {"logout_token": token}).status_code == 405
    assert Client().post(f"{ADDRESS}?logout_token={token}").status_code == 400
    assert is_in(visitor)


def test_a_provider_that_is_down_is_told_to_try_again(visitor: Visitor, forger: Forger) -> None:
    token = logout_token(forger)
    forger.up = False

    assert send(token).status_code == 503


def test_forged_ones_are_counted_and_honest_ones_are_not(visitor: Visitor, forger: Forger) -> None:
    for _ in range(60):
        assert send("no token").status_code == 400
    visitor.sign_in()

    assert send("no token").status_code == 429
    assert send(logout_token(forger)).status_code == 204
    assert not is_in(visitor)


def test_the_demo_has_no_such_address(db: None, settings: Settings) -> None:
    assert settings.DEMO
    assert send("no token").status_code == 404


def test_a_renewal_that_names_another_session_of_the_provider_counts(
    visitor: Visitor, forger: Forger
) -> None:
    visitor.sign_in(sid="session-1")
    session = visitor.client.session
    session["claims_at"] = int(time.time()) - 400
    session.save()
    away = visitor.client.get("/submissions/")
    visitor.state = forger.begun(away["Location"])
    forger.answer_with(forger.token(sid="session-2"))
    visitor.come_back()

    send(logout_token(forger, sid="session-2", sub=None))

    assert not is_in(visitor)
