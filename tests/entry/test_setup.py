"""Without the demo and without sign-on the server says what is missing, and serves nothing else."""

import re
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from tests.support.environment import ROOT

from .walk import routes


@pytest.fixture(autouse=True)
def nothing_configured(settings: Settings) -> None:
    settings.DEMO = False
    settings.SECURE_SSL_REDIRECT = False
    settings.OIDC_ISSUER = settings.OIDC_CLIENT_ID = settings.OIDC_CLIENT_SECRET = settings.SLANT_BASE_URL = (
        ""
    )


def named(page: str) -> list[str]:
    return re.findall(r"<li><code>(\w+)</code></li>", page)


def test_every_page_names_the_missing_variables(client: Client) -> None:
    """Without the `db` fixture: a query would fail the test."""
    for route in routes():
        if route.name == "healthz":
            continue
        response = client.get(route.path)

        assert response.status_code == 503, route.name
        assert named(response.text) == [
            "OIDC_ISSUER",
            "OIDC_CLIENT_ID",
            "OIDC_CLIENT_SECRET",
            "SLANT_BASE_URL",
        ]


def test_only_what_is_missing_is_named(client: Client, settings: Settings) -> None:
    settings.OIDC_ISSUER = "https://sign-on.example"

    settings.SLANT_BASE_URL = "https://slant.example/v1"

    assert named(client.get("/").text) == ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"]


@pytest.mark.parametrize("path", ["/", "/readyz", "/static/nothing.css"])
def test_it_is_said_before_the_static_files_were_ever_collected(
    client: Client, settings: Settings, tmp_path: Path, path: str
) -> None:
    hashed = {"BACKEND": "slantweb.storage.HashedFiles", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"staticfiles": hashed}

    response = client.get(path)

    assert response.status_code == (404 if "static" in path else 503)
    assert "<h1>" in response.text


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
