"""Through the provider and back: what is asked of it, what it is believed, and who one is afterwards."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import authenticate
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from opportunities.models import Member, Person
from slantweb.auth import identity_of, merge_claims
from tests.support.people import Firm

from .conftest import Visitor
from .forger import SECRET, Forger

Events = Callable[[], list[tuple[str, str]]]


def test_the_door_is_a_form_whose_policy_knows_the_provider_and_no_other_page_does(
    visitor: Visitor, forger: Forger
) -> None:
    door = visitor.client.get("/sign-in/?next=/board/")

    assert "Continue with company sign-on" in door.text
    assert '<input type="hidden" name="next" value="/board/">' in door.text
    assert f"form-action 'self' {forger.issuer};" in door["Content-Security-Policy"]
    assert forger.issuer not in visitor.client.get("/signed-out/")["Content-Security-Policy"]


def test_what_is_asked_of_the_provider(visitor: Visitor, forger: Forger) -> None:
    response = visitor.begin()

    address = urlsplit(response["Location"])
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{forger.issuer}/authorize"
    assert (asked["response_type"], asked["client_id"]) == ("code", "slantweb")
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    assert asked["redirect_uri"] == "http://testserver/sign-in/callback/"
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert min(len(asked["state"]), len(asked["nonce"])) >= 16
    assert set(asked) == {
        *("response_type", "client_id", "scope", "redirect_uri", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }


def test_a_sign_in_must_be_as_strong_as_is_asked_for(
    visitor: Visitor, forger: Forger, settings: Settings, events: Events
) -> None:
    settings.OIDC_ACR_VALUES = ["urn:okta:loa:2fa:any", "phr"]

    for weak in ({}, {"acr": "urn:okta:loa:1fa:any"}, {"acr": ["phr"]}, {"acr": "PHR"}):
        refused = visitor.sign_in(**weak)
        assert (refused.status_code, visitor.is_in) == (403, False), weak
        assert "not strong enough" in refused.text

    assert {asked["acr_values"] for asked in forger.asked if "nonce" in asked} == {"urn:okta:loa:2fa:any phr"}
    assert events() == [("person.refused", "too_weak")] * 4
    visitor.sign_in(acr="phr")
    assert visitor.is_in


def test_each_sign_in_asks_with_new_secrets(visitor: Visitor, forger: Forger) -> None:
    for _ in range(3):
        visitor.begin()

    for name in ("state", "nonce", "code_challenge"):
        assert len({asked[name] for asked in forger.asked}) == 3


def test_the_provider_vouches_and_the_person_is_in(
    visitor: Visitor, forger: Forger, firm: Firm, events: Events
) -> None:
    response = visitor.sign_in(next="/opportunities/new/?book_id=bk_harbor")

    person = Person.objects.get()
    assert response["Location"] == "/opportunities/new/?book_id=bk_harbor"
    assert (person.iss, person.sub) == (forger.issuer, "olivia-1")
    assert (person.email, person.name, person.roles) == ("olivia@harbor.example", "Olivia Owner", ["sales"])
    assert person.member_id == "us_owner"
    assert not person.has_usable_password()
    assert visitor.client.get("/submissions/").status_code == 200
    assert events() == [("person.signed_in", "")]


def test_the_code_is_exchanged_with_the_verifier_and_the_secret(visitor: Visitor, forger: Forger) -> None:
    visitor.sign_in()

    sent = forger.asked[-1]
    assert (sent["grant_type"], sent["client_secret"]) == ("authorization_code", SECRET)
    assert len(sent["code_verifier"]) == 128
    assert sent["redirect_uri"] == "http://testserver/sign-in/callback/"


def test_the_session_gets_a_new_number_and_keeps_nothing_of_the_old(visitor: Visitor) -> None:
    visitor.begin()
    planted = visitor.client.session.session_key
    visitor.forger.answer_with(visitor.forger.token())

    visitor.come_back()

    assert visitor.client.session.session_key != planted
    assert not Session.objects.filter(session_key=planted).exists()
    assert "pending_sign_ins" not in visitor.client.session


def test_a_person_is_issuer_and_subject_never_the_address(visitor: Visitor, another: Visitor) -> None:
    visitor.sign_in()
    another.sign_in(sub="somebody-new")

    assert Person.objects.count() == 2
    assert set(Person.objects.values_list("email", flat=True)) == {"olivia@harbor.example"}


def test_the_same_person_stays_the_same_with_a_new_address(visitor: Visitor, another: Visitor) -> None:
    visitor.sign_in()
    another.sign_in(email="olivia.married@harbor.example")

    assert Person.objects.get().email == "olivia.married@harbor.example"


@pytest.mark.parametrize("verified", [False, None, "true"])
def test_an_unverified_address_links_nobody_to_slant(visitor: Visitor, firm: Firm, verified: object) -> None:
    visitor.sign_in(email_verified=verified)

    person = Person.objects.get()
    assert (person.email, person.member_id) == ("", "")
    assert "Harbor" not in visitor.client.get("/opportunities/new/").text


def test_entra_proves_addresses_its_own_way(settings: Settings) -> None:
    entra = {"iss": "https://login.microsoftonline.com/t/v2.0", "sub": "s", "email": "o@harbor.example"}

    assert identity_of(entra | {"xms_edov": True}).email == "o@harbor.example"
    assert identity_of(entra | {"xms_edov": False}).email == ""
    assert identity_of(entra | {"xms_edov": True, "email_verified": False}).email == ""
    assert identity_of(entra | {"xms_edov": True, "iss": "https://elsewhere.example"}).email == ""


def test_without_a_group_there_is_no_entry_but_words_whom_to_ask(visitor: Visitor, events: Events) -> None:
    visitor.sign_in(groups=["staff"])

    page = visitor.client.get("/submissions/")
    assert page.status_code == 403
    assert "Ask your CRM team" in page.text
    assert "crm-sales" in page.text
    assert events()[0] == ("person.refused", "no_group")


@pytest.mark.parametrize(
    "marker",
    [
        {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.example"}},
        },
        {"hasgroups": True},
    ],
)
def test_groups_left_out_for_being_too_many_are_told_from_none(
    visitor: Visitor, events: Events, marker: dict[str, object]
) -> None:
    visitor.sign_in(groups=None, **marker)

    assert events() == [("person.refused", "groups_left_out")]


def test_lists_of_addresses_give_roles_where_a_provider_sends_no_groups(
    visitor: Visitor, another: Visitor, settings: Settings
) -> None:
    settings.OIDC_EMAILS = {"sales": [], "manager": ["olivia@harbor.example"], "compliance": []}

    visitor.sign_in(groups=None)
    another.sign_in(groups=None, sub="impostor", email_verified=False)

    assert Person.objects.get(sub="olivia-1").roles == ["manager"]
    assert Person.objects.get(sub="impostor").roles == []


def test_groups_may_come_from_the_userinfo_endpoint(visitor: Visitor, forger: Forger) -> None:
    forger.userinfo = (200, {"sub": "olivia-1", "groups": ["crm-leads"]})

    visitor.sign_in(groups=None)

    assert Person.objects.get().roles == ["manager"]


def test_half_an_address_from_each_place_makes_no_verified_one(visitor: Visitor, forger: Forger) -> None:
    forger.userinfo = (200, {"sub": "olivia-1", "email": "other@harbor.example", "email_verified": True})

    visitor.sign_in(email_verified=None, groups=None)

    assert Person.objects.get().email == ""


def test_a_verified_mark_of_the_id_token_vouches_for_no_address_of_the_userinfo(
    visitor: Visitor, forger: Forger
) -> None:
    forger.userinfo = (200, {"sub": "olivia-1", "email": "other@harbor.example"})

    visitor.sign_in(email=None, email_verified=True)

    assert Person.objects.get().email == ""


def test_a_proven_domain_of_entra_vouches_for_the_address_of_its_own_document_alone() -> None:
    entra = {"iss": "https://login.microsoftonline.com/t/v2.0", "sub": "s"}
    theirs = {"sub": "s", "email": "other@harbor.example"}

    assert "xms_edov" not in merge_claims(entra | {"xms_edov": True}, theirs)
    assert merge_claims(entra, theirs | {"xms_edov": True})["xms_edov"] is True
    assert "xms_edov" not in merge_claims(entra | {"email": "o@harbor.example"}, theirs | {"xms_edov": True})


def test_the_same_address_may_be_vouched_for_by_the_userinfo(visitor: Visitor, forger: Forger) -> None:
    forger.userinfo = (200, {"sub": "olivia-1", "email": "olivia@harbor.example", "email_verified": True})

    visitor.sign_in(email_verified=None, groups=None)

    assert Person.objects.get().email == "olivia@harbor.example"


@pytest.mark.parametrize("address", ["olivia\u212a@harbor.example", "ol\u0131via@harbor.example"])
def test_an_address_with_letters_that_only_look_alike_links_nobody(
    visitor: Visitor, firm: Firm, address: str
) -> None:
    Member.objects.filter(user_id="us_owner").update(email="oliviak@harbor.example")

    visitor.sign_in(email=address)

    person = Person.objects.get()
    assert (person.email, person.member_id) == (address, "")


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256"])
def test_signatures_by_private_keys_are_taken(visitor: Visitor, forger: Forger, alg: str) -> None:
    for key in forger.keys:
        key.pop("alg")

    visitor.sign_in(alg=alg)

    assert visitor.is_in


def test_a_new_signing_key_is_looked_for_at_once(visitor: Visitor, another: Visitor, forger: Forger) -> None:
    visitor.sign_in()
    caches["process"].delete(f"oidc:keys:{forger.issuer}:asked")
    forger.keys = [forger.public_rsa(forger.other_rsa, kid="k-new")]
    another.sign_in(key=forger.other_rsa, headers={"kid": "k-new"})

    assert another.is_in


def test_clocks_may_differ_by_a_minute(visitor: Visitor, another: Visitor) -> None:
    now = int(time.time())
    visitor.sign_in(exp=now - 40)
    another.sign_in(iat=now + 40, nbf=now + 40)

    assert (visitor.is_in, another.is_in) == (True, True)


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "javascript:alert(1)",
        "http:/evil.example",
    ],
)
def test_nobody_is_sent_elsewhere_afterwards(visitor: Visitor, where: str) -> None:
    assert visitor.sign_in(next=where)["Location"] == "/"


def test_who_is_in_already_is_not_asked_again(visitor: Visitor) -> None:
    visitor.sign_in()

    assert visitor.client.get("/sign-in/?next=/submissions/")["Location"] == "/submissions/"
    assert visitor.client.post("/sign-in/", {"next": "/submissions/"}).status_code == 303


def test_signing_in_is_a_post_with_this_sites_token(forger: Forger, db: None) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert strict.post("/sign-in/").status_code == 403
    assert strict.get("/sign-in/").status_code == 200
    assert forger.asked == []


def test_the_demo_has_no_provider_and_the_provider_no_demo(visitor: Visitor, settings: Settings) -> None:
    assert visitor.client.get("/demo/sign-in/").status_code == 404
    settings.DEMO = True
    assert visitor.client.get("/sign-in/callback/?state=x&code=y").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/email/",
        "/company/login/",
        "/oidc/company/login/",
        "/openid_connect/company/login/callback/",
        "/accounts/3rdparty/",
        "/admin/login/",
    ],
)
def test_no_page_of_the_library_is_mounted(visitor: Visitor, path: str) -> None:
    visitor.sign_in()

    assert visitor.client.get(path).status_code == 404


def test_there_is_no_password_to_try(db: None, settings: Settings) -> None:
    person = Person.objects.create(iss="x", sub="y")
    person.set_password("a known one")
    person.save()

    assert settings.AUTHENTICATION_BACKENDS == ["slantweb.auth.PersonBackend"]
    assert authenticate(None, username=str(person.pk), id=str(person.pk), password="a known one") is None
