"""The list of what one sent."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from opportunities.models import Person, State
from tests.support.people import Firm

from .conftest import Make, Page, now

pytestmark = pytest.mark.django_db
Browse = Callable[[Person], Client]
LIST = "/submissions/"


def test_the_list_shows_ones_own_with_their_state(
    owner: Person, colleague: Person, browse: Browse, sent: Make
) -> None:
    sent(State.UNKNOWN, name="Annuity ladder")
    sent(State.CONFIRMED, person=colleague, name="Not mine")

    text = browse(owner).get(LIST).content.decode()

    assert "Annuity ladder" in text
    assert "Not sure it arrived" in text
    assert "Not mine" not in text


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("", {"Waits", "Made", "Refused one"}),
        ("open", {"Waits"}),
        ("created", {"Made"}),
        ("refused", {"Refused one"}),
        ("withdrawn", set()),
        ("nonsense", {"Waits", "Made", "Refused one"}),
    ],
)
def test_the_list_can_be_narrowed(
    owner: Person, browse: Browse, sent: Make, chosen: str, names: set[str]
) -> None:
    sent(State.QUEUED, name="Waits")
    sent(State.CONFIRMED, name="Made")
    sent(State.REJECTED, name="Refused one")

    text = browse(owner).get(LIST, {"state": chosen}).content.decode()

    assert {name for name in ("Waits", "Made", "Refused one") if f">{name}<" in text} == names


def test_what_is_in_slant_is_called_so_whatever_it_was(owner: Person, browse: Browse, sent: Make) -> None:
    for kind in ("create", "edit", "move"):
        sent(State.CONFIRMED, kind=kind)

    page = Page(browse(owner).get(LIST, {"state": "created"}))

    filters, rows = page.text.split("<tbody>")
    assert re.findall(r"(Created|Saved|Moved|In Slant)\s*</a>", filters) == ["In Slant"]
    assert set(re.findall(r"(Created|Saved|Moved|In Slant)\s*</span>", rows)) == {"Created", "Saved", "Moved"}


def test_an_empty_list_offers_the_next_step(owner: Person, browse: Browse, firm: Firm) -> None:
    text = browse(owner).get(LIST).content.decode()

    assert "You have not sent anything yet" in text


def test_older_ones_are_a_page_further(owner: Person, browse: Browse, sent: Make) -> None:
    for number in range(52):
        sent(State.CONFIRMED, name=f"Deal {number}", created_at=now() - timedelta(minutes=number))
    client = browse(owner)

    first = Page(client.get(LIST))
    older = next(link for link in first.links() if "before=" in link)
    second = client.get(f"{LIST}{older}").content.decode()

    assert "Deal 49<" in first.text
    assert "Deal 50<" not in first.text
    assert "Deal 49<" not in second
    assert "Deal 51<" in second


@pytest.mark.parametrize("before", ["nonsense", "6d5b3a4e-0000-4000-8000-000000000000", "\x00"])
def test_an_unknown_page_is_the_first_one(owner: Person, browse: Browse, sent: Make, before: str) -> None:
    sent(name="Here")

    assert "Here" in browse(owner).get(LIST, {"before": before}).content.decode()


def test_the_number_of_queries_does_not_grow(owner: Person, browse: Browse, sent: Make) -> None:
    client = browse(owner)
    row = sent(State.QUEUED, attempts_count=1, outcome="busy")
    client.get(LIST)
    # The first look at a submission is an event of the trail.
    client.get(f"{LIST}{row.pk}/")
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    sent(State.CONFIRMED)
    sent(State.UNKNOWN)

    with CaptureQueriesContext(connection) as many:
        client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        client.get(f"{LIST}{row.pk}/")

    assert len(few) == len(many) <= 6
    assert len(one) <= 9
