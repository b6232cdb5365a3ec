"""Forged, altered and replayed: whatever comes back that is not whole, fresh and meant for us lets nobody in.

Each is refused with words that help nobody who tries, logged with its reason, and in the trail.
"""

import logging
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from opportunities.models import AuditEvent, Person
from tests.support.environment import ROOT

from .conftest import Visitor
from .forger import CLIENT_ID, SECRET, Forger

Forge = Callable[[Forger], str | None]
MINUTE = 60


def ago(minutes: float) -> int:
    return int(time.time() - minutes * MINUTE)


def public_pem(forger: Forger) -> bytes:
    return forger.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def altered(forger: Forger) -> str:
    """An honest token whose claims were exchanged for others after it was signed."""
    head, _, signature = forger.token().split(".")
    return ".".join((head, forger.bare_token({}, sub="the-principal").split(".")[1], signature))


TOKENS: dict[str, tuple[str, Forge]] = {
    "unsigned": ("algorithm_refused", lambda f: f.bare_token({"alg": "none", "kid": "k-rsa"})),
    "unsigned, in other case": ("algorithm_refused", lambda f: f.bare_token({"alg": "NoNe", "kid": "k-rsa"})),
    "without an algorithm": ("algorithm_refused", lambda f: f.bare_token({"kid": "k-rsa"})),
    "HS256 with the public key": (
        "algorithm_refused",
        lambda f: f.bare_token({"alg": "HS256", "kid": "k-rsa"}, secret=public_pem(f)),
    ),
    "HS256 with the client secret": (
        "algorithm_refused",
        lambda f: f.bare_token({"alg": "HS256"}, secret=SECRET.encode()),
    ),
    "another key": ("signature_wrong", lambda f: f.token(key=f.other_rsa)),
    "an unknown key": ("key_unknown", lambda f: f.token(key=f.other_rsa, headers={"kid": "k-mine"})),
    "its own key in the header": (
        "key_unknown",
        lambda f: f.token(
            key=f.other_rsa,
            headers={"kid": "k-mine", "jwk": f.public_rsa(f.other_rsa), "jku": "https://evil.example"},
        ),
    ),
    "no key named, of two": ("key_unknown", lambda f: f.token(headers={"kid": None})),
    "an RSA token naming the other key": ("algorithm_refused", lambda f: f.token(headers={"kid": "k-ec"})),
    "another algorithm than the key's": ("algorithm_refused", lambda f: f.token(alg="RS512")),
    "an extension we do not know": (
        "token_malformed",
        lambda f: f.token(headers={"crit": ["b64"], "b64": True}),
    ),
    "an access token": ("token_malformed", lambda f: f.token(headers={"typ": "at+jwt"})),
    "a logout token": ("token_malformed", lambda f: f.token(headers={"typ": "logout+jwt"})),
    "altered": ("signature_wrong", altered),
    "without its signature": ("signature_wrong", lambda f: f.token().rpartition(".")[0] + "."),
    "two parts": ("token_malformed", lambda f: f.token().rpartition(".")[0]),
    "not a token": ("token_malformed", lambda f: "let me in"),
    "no token at all": ("token_missing", lambda f: None),
    "nested too deep": ("token_malformed", lambda f: f.deep_token()),
    "too long": ("token_missing", lambda f: f.token(name="x" * 40_000)),
    "another issuer": ("issuer_wrong", lambda f: f.token(iss="https://evil.example")),
    "the issuer with a slash": ("issuer_wrong", lambda f: f.token(iss=f.issuer + "/")),
    "no issuer": ("claim_missing", lambda f: f.token(iss=None)),
    "another audience": ("audience_wrong", lambda f: f.token(aud="somebody-else")),
    "no audience": ("claim_missing", lambda f: f.token(aud=None)),
    "our name inside another": ("audience_wrong", lambda f: f.token(aud=f"{CLIENT_ID}-staging")),
    "several audiences": ("audience_wrong", lambda f: f.token(aud=[CLIENT_ID, "somebody-else"])),
    "issued to another party": ("audience_wrong", lambda f: f.token(azp="somebody-else")),
    "another nonce": ("nonce_wrong", lambda f: f.token(nonce="n" * 43)),
    "no nonce": ("nonce_wrong", lambda f: f.token(nonce=None)),
    "a nonce that is no word": ("nonce_wrong", lambda f: f.token(nonce=["x"])),
    "expired": ("token_expired", lambda f: f.token(exp=ago(2))),
    "expired just beyond the skew": ("token_expired", lambda f: f.token(exp=int(time.time()) - 61)),
    "never expires": ("claim_missing", lambda f: f.token(exp=None)),
    "not yet valid": ("token_not_yet_valid", lambda f: f.token(nbf=ago(-2))),
    "from the future": ("token_not_yet_valid", lambda f: f.token(iat=ago(-2))),
    "kept for an hour": ("token_old", lambda f: f.token(iat=ago(60))),
    "of no known age": ("claim_missing", lambda f: f.token(iat=None)),
    "nobody's": ("claim_missing", lambda f: f.token(sub=None)),
    "of an empty name": ("claims_incomplete", lambda f: f.token(sub="")),
    "of an endless name": ("claims_incomplete", lambda f: f.token(sub="x" * 256)),
    "with another access token": ("access_token_wrong", lambda f: f.token(at_hash="x" * 22)),
    "with the hash of no access token": ("access_token_wrong", lambda f: f.token(at_hash="")),
    "with a hash that is no word": ("token_malformed", lambda f: f.token(at_hash=["x"])),
    "issued to a party without a name": ("audience_wrong", lambda f: f.token(azp="")),
    "an audience that is no word": ("audience_wrong", lambda f: f.token(aud={CLIENT_ID: True})),
    "expires in words": ("token_malformed", lambda f: f.token(exp="tomorrow")),
    "an extension that is no list": ("token_malformed", lambda f: f.token(headers={"crit": 1})),
    "a type that is no word": ("token_malformed", lambda f: f.token(headers={"typ": 1})),
}  # fmt: skip


def assert_refused(
    visitor: Visitor, response: HttpResponse, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not visitor.is_in
    assert not Person.objects.exists()
    assert response.status_code == (503 if code == "provider_unreachable" else 403)
    assert "Go to the sign-in page" in response.text
    assert code not in response.text
    said = response.text + caplog.text
    # Anybody can send an answer that no browser here asked for: the log tells of it, the trail does not.
    if code != "state_unknown":
        event = AuditEvent.objects.get()
        assert (event.action, event.outcome, event.reason_code) == ("person.refused", "refused", code)
        assert event.request_id == response["X-Request-ID"]
        said += repr(event.__dict__)
    else:
        assert not AuditEvent.objects.exists()
    (line,) = [record for record in caplog.records if record.getMessage() == "sign-in refused"]
    assert (line.name, line.levelno, line.__dict__["reason"]) == (
        "opportunities.views.sign_in",
        logging.WARNING,
        code,
    )
    assert "canary" not in said


@pytest.mark.parametrize("name", TOKENS)
def test_a_forged_token(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    code, forge = TOKENS[name]
    visitor.begin()
    forger.answer_with(forge(forger))

    assert_refused(visitor, visitor.come_back(), code, caplog)


# Both libraries say so themselves, the one that signs here and the one that checks.
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_key_that_is_too_short(visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    forger.keys = [forger.public_rsa(short, kid="k-rsa")]
    visitor.begin()
    forger.answer_with(forger.token(key=short))

    assert_refused(visitor, visitor.come_back(), "key_unusable", caplog)


def test_a_key_that_cannot_be_read(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    forger.keys = [{"kid": "k-ec", "kty": "EC", "crv": "P-257", "x": "AA", "y": "AA"}]
    visitor.begin()
    forger.answer_with(forger.token(alg="ES256"))

    assert_refused(visitor, visitor.come_back(), "key_unusable", caplog)


def test_the_token_of_an_earlier_sign_in(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.begin()
    earlier = forger.token()
    visitor.begin()
    forger.answer_with(earlier)

    assert_refused(visitor, visitor.come_back(), "nonce_wrong", caplog)


CALLBACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "without a state": ("state_unknown", {"state": None}),
    "with an empty state": ("state_unknown", {"state": ""}),
    "with a made-up state": ("state_unknown", {"state": "x" * 16}),
    "with a state no session can hold": ("state_unknown", {"state": "\x00" + "x" * 5000}),
    "without a code": ("code_missing", {"code": None}),
    "with an empty code": ("code_missing", {"code": ""}),
    "from another issuer": ("issuer_wrong", {"iss": "https://evil.example"}),
    "with a refusal": ("provider_access_denied", {"error": "access_denied", "code": None}),
    "with a refusal and a code": ("provider_access_denied", {"error": "access_denied"}),
    "with an error of the provider": ("provider_error", {"error": "server_error", "code": None}),
    "with words nobody knows": ("provider_error", {"error": "<script>alert(1)</script>", "code": None}),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_an_altered_callback(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    code, changed = CALLBACKS[name]
    visitor.begin()
    forger.answer_with(forger.token())

    response = visitor.come_back(**changed)

    assert_refused(visitor, response, code, caplog)
    assert "<script>alert" not in response.text


def test_there_are_more_than_were_asked_for() -> None:
    assert len(TOKENS) + len(CALLBACKS) >= 25


def test_a_state_of_another_browser(
    visitor: Visitor, another: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    """A sign-in begun elsewhere cannot be finished in this browser, so nobody works under another's name."""
    another.begin()
    forger.answer_with(forger.token())
    visitor.begin()

    response = visitor.come_back(state=another.state)

    assert_refused(visitor, response, "state_unknown", caplog)


def test_a_state_counts_once(visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture) -> None:
    visitor.begin()
    visitor.come_back(code=None)
    caplog.clear()
    forger.answer_with(forger.token())

    response = visitor.come_back()

    assert (response.status_code, visitor.is_in) == (403, False)
    assert "state_unknown" in [record.__dict__.get("reason") for record in caplog.records]


def test_of_two_answers_at_once_one_counts(visitor: Visitor, forger: Forger) -> None:
    """Both requests may read the session before one of them has used the state up."""
    visitor.begin()
    before = dict(visitor.client.session)
    visitor.come_back(code=None)
    session = visitor.client.session
    session.update(before)
    session.save()
    forger.answer_with(forger.token())

    response = visitor.come_back()

    assert (response.status_code, visitor.is_in) == (403, False)


def test_a_state_is_forgotten_after_ten_minutes(visitor: Visitor, forger: Forger) -> None:
    visitor.begin()
    forger.answer_with(forger.token())

    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        response = visitor.come_back()

    assert (response.status_code, visitor.is_in) == (403, False)


def test_a_code_used_before(
    visitor: Visitor, another: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.begin()
    forger.codes_used.add("stolen")
    forger.answer_with(forger.token())

    assert_refused(visitor, visitor.come_back(code="stolen"), "code_refused", caplog)


def test_a_code_of_another_sign_in_fails_for_its_verifier(
    visitor: Visitor, another: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.begin()
    another.begin()
    forger.answer_with(forger.token())

    assert_refused(visitor, visitor.come_back(), "code_refused", caplog)


def test_where_answers_name_their_issuer_one_without_is_refused(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    forger.config["authorization_response_iss_parameter_supported"] = True
    visitor.begin()
    forger.answer_with(forger.token())

    assert_refused(visitor, visitor.come_back(), "issuer_wrong", caplog)


def test_userinfo_of_somebody_else(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    forger.userinfo = (200, {"sub": "the-principal", "groups": ["crm-leads"]})
    visitor.begin()
    forger.answer_with(forger.token(groups=None))

    assert_refused(visitor, visitor.come_back(), "userinfo_of_somebody_else", caplog)


def test_a_posted_callback_is_no_callback(visitor: Visitor, forger: Forger) -> None:
    visitor.begin()

    response = visitor.client.post("/sign-in/callback/", {"state": visitor.state, "code": "c"})

    assert (response.status_code, visitor.is_in) == (405, False)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, {"error": "invalid_grant"}, "code_refused"),
        (401, {"error": "invalid_client"}, "code_refused"),
        (500, {}, "code_refused"),
        (302, {}, "provider_unreachable"),
        (200, {"id_token": "x"}, "code_refused"),
        (200, [], "code_refused"),
    ],
)
def test_a_token_endpoint_in_trouble_lets_nobody_in(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture, status: int, body: Any, code: str
) -> None:
    visitor.begin()
    forger.answers.append((status, body))

    assert_refused(visitor, visitor.come_back(), code, caplog)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://sign-on.example/token"},
        {"jwks_uri": "http://192.0.2.1/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"userinfo_endpoint": "http://sign-on.example/me"},
    ],
)
def test_a_description_that_cannot_be_relied_on_stops_everything(
    visitor: Visitor, forger: Forger, changed: dict[str, Any]
) -> None:
    forger.config |= changed

    door, begun = visitor.client.get("/sign-in/"), visitor.begin()

    assert (door.status_code, begun.status_code) == (503, 503)
    assert "Company sign-on does not answer" in door.text
    assert "form-action 'self';" in door["Content-Security-Policy"]
    assert forger.asked == []


def test_a_provider_that_is_down_lets_nobody_in(visitor: Visitor, forger: Forger) -> None:
    forger.up = False

    assert visitor.client.get("/sign-in/").status_code == 503
    assert visitor.begin().status_code == 503


def test_a_provider_that_goes_down_half_way_lets_nobody_in(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.begin()
    caches["process"].clear()
    forger.up = False

    assert_refused(visitor, visitor.come_back(), "provider_unreachable", caplog)


def test_redirects_of_the_provider_are_not_followed(
    visitor: Visitor, forger: Forger, caplog: pytest.LogCaptureFixture
) -> None:
    forger.config["jwks_uri"] = f"{forger.issuer}/elsewhere"
    visitor.begin()
    forger.answer_with(forger.token())

    assert_refused(visitor, visitor.come_back(), "provider_unreachable", caplog)


def test_a_foreign_callback_does_not_disturb_who_is_in(visitor: Visitor, forger: Forger) -> None:
    """Any site can send a browser to the callback: it must neither sign anybody in nor out."""
    visitor.sign_in()

    response = visitor.come_back(state="x" * 16)

    assert (response.status_code, response["Location"], visitor.is_in) == (302, "/", True)
    assert not AuditEvent.objects.filter(outcome="refused").exists()


def test_the_redirect_cannot_be_told_where_to_come_back(visitor: Visitor, forger: Forger) -> None:
    response = visitor.client.post(
        "/sign-in/?redirect_uri=https://evil.example&scope=admin&auth_params=prompt%3Dconsent&action=x",
        {"next": "/", "redirect_uri": "https://evil.example"},
    )

    asked = parse_qs(urlsplit(response["Location"]).query)
    assert asked["redirect_uri"] == ["http://testserver/sign-in/callback/"]
    assert "prompt" not in asked
    assert "admin" not in asked["scope"][0]


def test_company_sign_on_has_the_same_limits(visitor: Visitor, forger: Forger) -> None:
    strict = visitor.client = Client(enforce_csrf_checks=True)
    token = str(strict.get("/sign-in/").context["csrf_token"])
    now = timezone.now().replace(second=10)

    with time_machine.travel(now, tick=False):
        answers = [
            strict.post("/sign-in/", {"csrfmiddlewaretoken": token, "next": "/"}).status_code
            for _ in range(11)
        ]

    assert answers == [302] * 10 + [429]


def test_a_flood_of_callbacks_fills_no_trail_and_locks_no_office_out(
    visitor: Visitor, another: Visitor, forger: Forger
) -> None:
    with time_machine.travel(timezone.now().replace(second=10), tick=False):
        answers = [visitor.come_back(state="x").status_code for _ in range(62)]
        another.sign_in()

    assert (answers.count(403), answers.count(429)) == (60, 2)
    assert another.is_in
    assert set(AuditEvent.objects.values_list("action", flat=True)) == {"person.signed_in"}


def test_whoever_has_a_network_of_addresses_has_one_allowance(visitor: Visitor) -> None:
    """Of IPv6 anybody has 2^64."""
    with time_machine.travel(timezone.now().replace(second=10), tick=False):
        answers = [
            visitor.client.get(
                "/sign-in/callback/?state=x&code=y", REMOTE_ADDR=f"2001:db8::{n:x}"
            ).status_code
            for n in range(62)
        ]
        elsewhere = visitor.client.get(
            "/sign-in/callback/?state=x", REMOTE_ADDR="2001:db8:0:1::1"
        ).status_code

    assert (answers.count(429), elsewhere) == (2, 403)


def test_a_state_from_before_the_clock_was_set_back_is_forgotten(visitor: Visitor, forger: Forger) -> None:
    visitor.begin()

    with time_machine.travel(timezone.now() - timedelta(minutes=11), tick=False):
        forger.answer_with(forger.token())
        response = visitor.come_back()

    assert (response.status_code, visitor.is_in) == (403, False)


class PlantedCache(LocMemCache):
    """A shared cache in the hands of somebody else, who answers every question as they like."""

    planted: list[Any] = []

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self.planted or default

    def add(self, *given: Any, **named: Any) -> bool:
        return False


def test_whoever_has_the_shared_cache_plants_no_key_and_hides_no_look(
    visitor: Visitor, forger: Forger, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    PlantedCache.planted = [forger.public_rsa(forger.other_rsa, kid="k-rsa")]
    settings.CACHES = settings.CACHES | {"default": {"BACKEND": f"{__name__}.PlantedCache"}}
    visitor.begin()
    forger.answer_with(forger.token(key=forger.other_rsa))
    assert_refused(visitor, visitor.come_back(), "signature_wrong", caplog)

    visitor.sign_in()

    assert visitor.is_in
    visitor.client.get("/opportunities/nothing/")
    assert AuditEvent.objects.filter(action="access.denied").exists()


def test_nothing_asks_the_shared_cache() -> None:
    """So no page waits for a Redis that hangs, and no guard is open while it is away."""
    sources = [path for room in ("opportunities", "slantweb") for path in (ROOT / room).rglob("*.py")]
    text = "".join(path.read_text() for path in sources)

    assert set(re.findall(r"core\.cache import (.+)", text)) == {"caches"}
    assert set(re.findall(r"\bcaches(\S{0,12})", text)) == {"", '["process"].'}
