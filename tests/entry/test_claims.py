"""What a provider claims becomes an identity: by `iss` and `sub`, with the roles of its groups."""

from typing import Any

import pytest
from pytest_django import Settings

from opportunities.views.provider import SignInRefused
from slantweb.auth import PersonBackend, identity_of

CLAIMS: dict[str, Any] = {
    "iss": "https://sign-on.example",
    "sub": "248289761001",
    "email": "Theo.Okafor@NorthPine.example",
    "email_verified": True,
    "name": "Theo Okafor",
    "groups": ["crm-sales", "staff"],
}


@pytest.fixture(autouse=True)
def firm_groups(settings: Settings) -> None:
    settings.OIDC_GROUPS_CLAIM = "groups"
    settings.OIDC_GROUPS = {"sales": ["crm-sales"], "manager": ["crm-leads", "crm-heads"], "compliance": []}
    settings.OIDC_EMAILS = {"sales": [], "manager": [], "compliance": ["cleo@northpine.example"]}


def test_a_person_is_issuer_and_subject_and_the_address_is_lower_cased() -> None:
    identity = identity_of(CLAIMS)

    assert (identity.iss, identity.sub) == ("https://sign-on.example", "248289761001")
    assert (identity.email, identity.name) == ("theo.okafor@northpine.example", "Theo Okafor")
    assert identity.roles == ("sales",)


@pytest.mark.parametrize("name", ["iss", "sub"])
@pytest.mark.parametrize(
    "value", [None, "", "  ", 7, ["x"], "x" * 256, "2482 ", " 2482", "24\x0082", "24\n82"]
)
def test_claims_that_name_nobody_are_refused(name: str, value: object) -> None:
    with pytest.raises(SignInRefused, match=name):
        identity_of(CLAIMS | {name: value})


def test_a_name_is_one_line_of_plain_text() -> None:
    assert identity_of(CLAIMS | {"name": "Theo\x00\n\u202eOkafor\u2066"}).name == "Theo Okafor"


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_nobody_verified_is_dropped(verified: object) -> None:
    assert identity_of(CLAIMS | {"email_verified": verified}).email == ""


def test_an_unverified_address_opens_no_list() -> None:
    claims = CLAIMS | {"email": "cleo@northpine.example", "groups": []}

    assert identity_of(claims).roles == ("compliance",)
    assert identity_of(claims | {"email_verified": False}).roles == ()


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        (["crm-heads"], ("manager",)),
        (["crm-sales", "crm-leads"], ("sales", "manager")),
        ("crm-sales", ("sales",)),
        ([], ()),
        (None, ()),
        (["CRM-SALES"], ()),
        (["crm-sales-former"], ()),
        ({"crm-sales": True}, ()),
        ([["crm-sales"], 7, None], ()),
        ("", ()),
    ],
)
def test_roles_follow_the_groups_exactly(groups: object, roles: tuple[str, ...]) -> None:
    assert identity_of(CLAIMS | {"groups": groups}).roles == roles


def test_the_groups_claim_can_have_another_name(settings: Settings) -> None:
    settings.OIDC_GROUPS_CLAIM = "https://northpine.example/groups"

    assert identity_of(CLAIMS | {"https://northpine.example/groups": ["crm-leads"]}).roles == ("manager",)


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["", "not-a-number", "11111111-2222-4333-8444-555555555555", None])
def test_a_session_of_nobody_finds_nobody(number: object) -> None:
    assert PersonBackend().get_user(number) is None
