"""Whether an address is one of ours, and how long a body is: each question has one answer for all who ask."""

import pytest
from django.test import Client, RequestFactory

from opportunities.models import Person
from opportunities.views.own_addresses import is_own_address, own_path
from slantweb.body_length import TOO_LONG, ChunkedBody, UnreadableLength, read_body_length
from tests.support.environment import ROOT

from .elsewhere import ELSEWHERE

# urlsplit refuses it, and browsers send what they like.
BROKEN = "http://["


@pytest.mark.parametrize("url", [*ELSEWHERE, BROKEN, ""])
def test_what_leads_elsewhere_is_no_address_of_ours(url: str) -> None:
    request = RequestFactory().get("/")

    assert not is_own_address(request, url)
    assert own_path(request, url) == ""


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/", "/"),
        ("/board/?owner=me#deal", "/board/?owner=me"),
        ("http://testserver", "/"),
        ("http://testserver/board/?owner=me", "/board/?owner=me"),
    ],
)
def test_an_address_of_ours_has_a_path_of_ours(url: str, path: str) -> None:
    request = RequestFactory().get("/")

    assert is_own_address(request, url)
    assert own_path(request, url) == path


def test_a_path_that_reads_as_another_host_is_no_path_of_ours() -> None:
    assert own_path(RequestFactory().get("/"), "http://testserver//evil.example/") == ""


def test_over_https_a_plain_address_of_ours_is_not_ours() -> None:
    assert own_path(RequestFactory().get("/", secure=True), "http://testserver/board/") == ""


@pytest.mark.django_db
@pytest.mark.parametrize("referer", ["https://evil.example/board/", BROKEN])
def test_nobody_is_sent_to_the_page_of_another_site_that_sent_them(owner: Person, referer: str) -> None:
    client = Client(headers={"Referer": referer})
    signed_out = client.post("/submissions/")
    client.force_login(owner)

    assert client.post("/settings/mine/", {"theme": "dark"})["Location"] == "/"
    assert signed_out["Location"] == "/sign-in/?next=%2F"


def test_the_length_of_a_body_is_a_number_or_refused() -> None:
    read = [
        read_body_length(transfer_encoding=None, content_length=value) for value in (None, "", "0", "512")
    ]

    assert read == [0, 0, 0, 512]
    assert read_body_length(transfer_encoding=None, content_length="9" * 10_000) == TOO_LONG
    for value in ("-1", "+1", "1.0", "1_0", "\u0661"):
        with pytest.raises(UnreadableLength):
            read_body_length(transfer_encoding=None, content_length=value)
    with pytest.raises(ChunkedBody):
        read_body_length(transfer_encoding="chunked", content_length="5")


def test_nobody_else_answers_these_questions() -> None:
    answers = {
        "url_has_allowed_host_and_scheme": "opportunities/views/own_addresses.py",
        "get_host()": "opportunities/views/own_addresses.py",
        "CONTENT_LENGTH": "slantweb/middleware.py",
        "CONTENT-LENGTH": "slantweb/web_worker.py",
    }
    modules = [
        path
        for room in ("opportunities", "slantweb")
        for path in (ROOT / room).rglob("*.py")
        if "sandbox" not in path.parts
    ]

    for word, place in answers.items():
        assert {str(path.relative_to(ROOT)) for path in modules if word in path.read_text()} == {place}, word
