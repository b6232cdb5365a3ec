"""Nothing that changes state can be asked for by another site."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from opportunities.models import AuditEvent, Opportunity, Person
from tests.support.people import Firm

from .walk import Route, routes

pytestmark = pytest.mark.django_db

# Each with the reason why no browser's token is asked for.
EXEMPT = {
    "opportunities:csp_report": "changes nothing, and browsers send it without a token",
    "opportunities:back_channel_logout": "no browser sends it; the provider's signature is what counts",
}
METHODS = ["post", "put", "patch", "delete"]


@pytest.mark.parametrize(
    "route", [route for route in routes() if route.name not in EXEMPT], ids=lambda route: route.name
)
def test_without_the_token_of_this_browser_it_is_refused(manager: Person, route: Route) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    foreign = str(Client(enforce_csrf_checks=True).get("/demo/sign-in/").context["csrf_token"])

    for method in METHODS:
        for headers in ({}, {"X-CSRFToken": "x" * 64}, {"X-CSRFToken": foreign}):
            response = getattr(client, method)(route.path, headers=headers)

            assert response.status_code == 403, (method, headers)
            assert "Nothing was sent" in response.text


def test_the_only_exempt_view_is_the_listed_one() -> None:
    exempt = {route.name for route in routes() if getattr(route.view, "csrf_exempt", False)}

    assert exempt == set(EXEMPT)


def test_a_forged_sign_in_signs_nobody_in() -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post("/demo/sign-in/", {"persona": "manager"})

    assert response.status_code == 403
    assert not Person.objects.exists()


def test_the_forms_carry_a_token_that_is_taken() -> None:
    client = Client(enforce_csrf_checks=True)
    token = client.get("/demo/sign-in/").context["csrf_token"]

    response = client.post("/demo/sign-in/", {"persona": "manager", "csrfmiddlewaretoken": str(token)})

    assert response.status_code == 303
    assert client.session["_auth_user_id"] == str(Person.objects.get().pk)


def test_an_htmx_request_without_a_token_gets_a_fragment(
    manager: Person, signed_in: Callable[[Person], Client]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)

    response = client.post("/demo/misbehave/", headers={"HX-Request": "true"})

    assert (response.status_code, "<html" in response.text) == (403, False)


EXPORTS = (
    "/opportunities.csv",
    "/opportunities.xlsx",
    "/reports/overview.csv",
    "/reports/overview.xlsx",
    "/audit/export/",
)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("address", EXPORTS)
def test_no_other_site_takes_a_file_in_somebodys_name(
    manager: Person, firm: Firm, address: str, site: str
) -> None:
    """A link or an image of another site left an event in the trail and spent the allowance."""
    client = Client()
    client.force_login(manager)

    for dest in ("document", "image", "iframe", "empty"):
        answer = client.get(address, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest})

        assert (answer.status_code, "came from another site" in answer.text) == (403, True), dest
    assert not AuditEvent.objects.exists()
    for own in ("same-origin", "none"):
        headers = {"Sec-Fetch-Site": own, "Sec-Fetch-Dest": "document"}
        assert client.get(address, headers=headers).status_code == 200


@pytest.mark.parametrize("address", EXPORTS)
def test_to_ask_for_the_head_of_a_file_takes_none(manager: Person, firm: Firm, address: str) -> None:
    """Nothing leaves, so no event says that something did."""
    client = Client()
    client.force_login(manager)

    assert client.head(address).status_code == 405
    assert not AuditEvent.objects.exists()


def test_a_link_in_a_mail_leads_to_the_page_and_nothing_hidden_opens_it(firm: Firm, owner: Person) -> None:
    now = timezone.now()
    deal = Opportunity.objects.create(
        id="op_1",
        name="Okonkwo",
        book=firm.harbor,
        pipeline=firm.prospects,
        stage=firm.lead,
        first_seen_at=now,
        seen_at=now,
        created_at=now,
    )
    client = Client()
    client.force_login(owner)
    page = f"/opportunities/{deal.pk}/"
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}

    assert client.get(page, headers=link | {"Sec-Purpose": "prefetch"}).status_code == 403
    assert client.get(page, headers=link | {"Sec-Fetch-Dest": "image"}).status_code == 403
    assert not AuditEvent.objects.exists()
    assert client.get(page, headers=link).status_code == 200
    assert AuditEvent.objects.get().action == "client_data.viewed"
