"""When something is not as hoped: plain words, one page a cause, never a trace."""

from collections.abc import Callable

import pytest
from django.template import loader
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxDetails
from pytest_django import Settings

from opportunities.models import Person
from opportunities.views import errors

from .odd_urls import SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.entry.odd_urls")]

WORDS = [
    ("/odd/unreadable/", 400, "This address or form cannot be read"),
    ("/odd/forbidden/", 403, "Your role does not include this page"),
    ("/odd/missing/", 404, "There is nothing here for you"),
    ("/odd/breaks/", 500, "This page could not be drawn"),
]


@pytest.fixture
def inside(manager: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(manager)
    return client


@pytest.mark.parametrize(("path", "status", "title"), WORDS)
def test_a_page_says_it_in_plain_words(inside: Client, path: str, status: int, title: str) -> None:
    response = inside.get(path)

    assert response.status_code == status
    assert f"<title>{title} - Slantweb</title>" in " ".join(response.text.split())
    assert response.text.count("<h1>") == 1
    assert "words for developers" not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(("path", "status", "title"), WORDS)
def test_htmx_gets_a_small_fragment(inside: Client, path: str, status: int, title: str) -> None:
    response = inside.get(path, headers={"HX-Request": "true"})

    assert response.status_code == status
    assert title in response.text
    assert "<html" not in response.text
    assert len(response.content) < 800


def test_people_inside_keep_the_shell_and_others_get_a_bare_page(inside: Client, client: Client) -> None:
    assert 'class="side"' in inside.get("/odd/missing/").text
    assert 'class="side"' not in client.get("/odd/missing-for-all/").text


def test_an_address_that_never_was_looks_like_one_out_of_reach(inside: Client) -> None:
    def words(path: str) -> str:
        return inside.get(path, headers={"HX-Request": "true"}).text

    assert words("/odd/missing/") == words("/no/such/page/") == words("/submissions/not-an-id/")


def test_a_failure_tells_its_number(inside: Client) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        response = inside.get("/odd/breaks/", headers=headers)

        assert f"<code>{response['X-Request-ID']}</code>" in response.text


def test_a_failure_before_sign_in_is_drawn_too(client: Client) -> None:
    client.raise_request_exception = False

    assert "This page could not be drawn" in client.get("/odd/breaks-for-all/").text


def test_the_failure_page_asks_the_database_nothing(
    inside: Client, django_assert_num_queries: Callable[..., object]
) -> None:
    request = RequestFactory().get("/", headers={"X-Request-ID": "number-1"})
    request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]  # as the middleware sets it

    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        response = errors.server_error(request)

    assert "<code>number-1</code>" in response.text


def test_even_a_broken_template_leaves_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(loader, "get_template", broken)
    client.raise_request_exception = False

    response = client.get("/odd/breaks-for-all/")

    assert (response.status_code, response.text) == (500, errors.LAST_RESORT)


def test_a_strange_host_is_refused_in_plain_words(client: Client) -> None:
    response = client.get("/", headers={"Host": "evil.example"})

    assert response.status_code == 400
    assert "This address or form cannot be read" in response.text
    assert "ALLOWED_HOSTS" not in response.text


def test_an_old_form_says_what_to_do(manager: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)

    response = client.post("/sign-out/")

    assert response.status_code == 403
    assert "This form has expired" in response.text
    assert "CSRF verification" not in response.text


def test_not_even_the_page_for_developers_shows_a_secret(client: Client, settings: Settings) -> None:
    settings.DEBUG = True
    settings.SLANT_API_TOKEN = "canary-of-a-token-without-shape"
    settings.QUEUE_URL = "postgresql://slantweb:canary-of-a-password@db/queue"
    client.raise_request_exception = False
    client.cookies["sessionid"] = "canary-of-a-session"

    for headers in ({}, {"Accept": "text/plain"}):
        page = client.get("/odd/breaks-for-all/", headers=headers).text
        assert "RuntimeError" in page
        assert ("canary-of" in page, SECRET in page) == (False, False)


@pytest.mark.parametrize("form", ["multipart/form-data; boundary=b", "application/x-www-form-urlencoded"])
def test_a_form_in_another_encoding_than_ours_is_refused_before_it_is_read(client: Client, form: str) -> None:
    """Python decodes by codecs that give no text, such as rot13, and fails; a form of ours is in UTF-8."""
    body = b'--b\r\nContent-Disposition: form-data; name="next"\r\n\r\n/\r\n--b--\r\n'
    answers = {
        charset: client.generic("POST", "/demo/sign-in/", body, f"{form}; charset={charset}").status_code
        for charset in (
            "rot13",
            "hex",
            "zlib",
            "utf-7",
            "utf-16",
            "latin-1",
            "idna",
            "UTF-8",
            "nonsense",
        )
    }

    # It lacks who signs in, which is said of a form that was read.
    known = {"UTF-8": 422, "nonsense": 422}
    assert {charset: status for charset, status in answers.items() if status != 415} == known
