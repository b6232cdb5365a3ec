"""Without the demo and without sign-on nobody could come in: the server says what is missing, and nothing else."""

import pytest
from django.test import Client
from pytest_django import Settings

from tests.support.environment import ROOT

from .walk import routes


@pytest.fixture(autouse=True)
def nothing_configured(settings: Settings) -> None:
    settings.DEMO = False
    settings.SECURE_SSL_REDIRECT = False
    settings.OIDC_ISSUER = settings.OIDC_CLIENT_ID = ""


def test_every_page_names_the_missing_variables(client: Client) -> None:
    """Without the `db` fixture: a query would fail the test."""
    for route in routes():
        if route.name == "healthz":
            continue
        response = client.get(route.path)

        assert response.status_code == 503, route.name
        assert "<code>OIDC_ISSUER</code>" in response.text
        assert "<code>OIDC_CLIENT_ID</code>" in response.text


def test_only_what_is_missing_is_named(client: Client, settings: Settings) -> None:
    settings.OIDC_ISSUER = "https://sign-on.example"

    page = client.get("/").text

    assert "OIDC_CLIENT_ID" in page
    assert "OIDC_ISSUER" not in page


def test_the_process_still_says_that_it_lives(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.text) == (200, "ok")


@pytest.mark.django_db
def test_static_files_are_served(client: Client, settings: Settings) -> None:
    settings.WHITENOISE_USE_FINDERS = True

    response = client.get("/static/css/theme.css")

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/css")
    assert b"".join(response.streaming_content) == (ROOT / "static/css/theme.css").read_bytes()  # type: ignore[attr-defined]
    response.close()


@pytest.mark.django_db
def test_the_demo_has_no_door_when_it_is_not_the_demo(client: Client, settings: Settings) -> None:
    settings.OIDC_ISSUER = "https://sign-on.example"
    settings.OIDC_CLIENT_ID = "slantweb"

    response = client.post("/demo/sign-in/", {"persona": "manager"})

    assert response.status_code == 404
    assert "_auth_user_id" not in client.session
