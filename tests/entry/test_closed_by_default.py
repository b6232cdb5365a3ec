"""No address answers somebody who has no business here, unless it is listed below."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from opportunities.models import Person

from .walk import Route, routes

pytestmark = pytest.mark.django_db

# Each with the reason why anybody may open it.
OPEN = {
    "healthz": "asked by whatever restarts processes",
    "readyz": "asked by whatever spreads the load; counts and ages only",
    "metrics": "has a lock of its own, METRICS_TOKEN",
    "opportunities:sign_in": "the door",
    "opportunities:sign_in_callback": "where the provider sends people back; it lets nobody in by itself",
    "opportunities:back_channel_logout": "the provider asks; only its signed logout token ends anything",
    "opportunities:sign_out": "leaving must work when the session is gone, too",
    "opportunities:signed_out": "where leaving ends",
    "opportunities:demo_sign_in": "the demo's door; 404 outside the demo",
    "opportunities:csp_report": "browsers send reports by themselves",
}
ROUTES = routes()
CLOSED = [route for route in ROUTES if route.name not in OPEN]
FRAGMENT = {"HX-Request": "true", "HX-Current-URL": "http://testserver/submissions/?page=2"}


def closed_routes(function: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)(function)


def test_exactly_the_listed_views_are_open_to_all() -> None:
    marked = {route.name for route in ROUTES if getattr(route.view, "open_to_all", False)}

    assert marked == set(OPEN)


def test_the_sweep_sees_the_whole_urlconf() -> None:
    names = {route.name for route in ROUTES}

    assert {"home", "opportunities:demo_misbehave"} <= names
    assert len(names) == len(ROUTES)


@closed_routes
def test_anonymous_people_are_sent_to_sign_in(client: Client, route: Route) -> None:
    for method in ("get", "head", "post", "put", "patch", "delete", "options"):
        response = getattr(client, method)(route.path)

        back = route.path.replace("/", "%2F") if method in ("get", "head") else "%2F"
        assert (response.status_code, response["Location"]) == (302, f"/sign-in/?next={back}"), method
        assert response.content == b""


@closed_routes
def test_a_path_the_server_claims_to_be_mounted_below_opens_nothing(
    client: Client, route: Route, settings: Settings
) -> None:
    settings.FORCE_SCRIPT_NAME = None

    response = client.get(route.path, SCRIPT_NAME="/static")

    assert (response.status_code, response["Cache-Control"]) == (302, "no-store")


@closed_routes
def test_anonymous_fragments_send_the_whole_page_to_sign_in(client: Client, route: Route) -> None:
    for method in ("get", "post", "delete"):
        response = getattr(client, method)(route.path, headers=FRAGMENT)

        assert response.status_code == 401, method
        assert response["HX-Redirect"] == "/sign-in/?next=%2Fsubmissions%2F%3Fpage%3D2"
        assert (response.content, response.has_header("Location")) == (b"", False)


@closed_routes
def test_people_in_no_group_get_no_entry(
    stranger: Person, signed_in: Callable[[Person], Client], route: Route
) -> None:
    for method in ("get", "post"):
        for headers in ({}, FRAGMENT):
            response = getattr(signed_in(stranger), method)(route.path, headers=headers)

            assert response.status_code == 403, (method, headers)
            assert ("<html" in response.text) is not bool(headers)


@pytest.mark.parametrize("path", ["/no-such-page/", "/admin/", "/submissions/not-a-number/", "/submissions"])
def test_addresses_that_do_not_exist_are_closed_too(client: Client, path: str) -> None:
    plain = client.get(path)
    fragment = client.get(path, headers=FRAGMENT)

    assert (plain.status_code, plain["Location"]) == (302, f"/sign-in/?next={path.replace('/', '%2F')}")
    assert fragment.status_code == 401


def test_a_post_returns_to_the_page_of_its_form(client: Client) -> None:
    response = client.post(
        "/submissions/", headers={"Referer": "http://testserver/opportunities/new/?book_id=b1"}
    )

    assert response["Location"] == "/sign-in/?next=%2Fopportunities%2Fnew%2F%3Fbook_id%3Db1"


@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
def test_pages_of_other_sites_are_never_the_way_back(client: Client, header: str) -> None:
    headers = {header: "https://evil.example/submissions/"}
    if header == "HX-Current-URL":
        headers["HX-Request"] = "true"
    response = client.post("/submissions/", headers=headers)

    assert (response.headers.get("Location") or response.headers.get("HX-Redirect")) == "/sign-in/?next=%2F"


def test_a_deactivated_person_is_out_at_the_next_request(
    owner: Person, signed_in: Callable[[Person], Client]
) -> None:
    client = signed_in(owner)
    Person.objects.filter(pk=owner.pk).update(is_active=False)

    response = client.get("/demo/misbehave/")

    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=%2Fdemo%2Fmisbehave%2F")


def test_a_person_who_lost_their_groups_is_out_at_the_next_request(
    owner: Person, signed_in: Callable[[Person], Client]
) -> None:
    client = signed_in(owner)
    Person.objects.filter(pk=owner.pk).update(roles=[])

    response = client.get("/demo/misbehave/")

    assert response.status_code == 403
    assert "You do not have access yet" in response.text


def test_no_entry_says_who_one_is_and_whom_to_ask(
    stranger: Person, signed_in: Callable[[Person], Client], settings: Settings
) -> None:
    settings.OIDC_GROUPS = {"sales": ["Slantweb sales"], "manager": [], "compliance": []}

    page = signed_in(stranger).get("/").text

    assert stranger.email in page
    assert "Ask your CRM team" in page
    assert "Slantweb sales" in page
    assert 'action="/sign-out/"' in page
