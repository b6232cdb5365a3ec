"""What surrounds every page: the stamp, who one is, what waits, how it looks."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from opportunities.models import Alert, Hold, Person, SyncState
from opportunities.selectors.shell import stamp
from opportunities.views.shell import shell
from tests.support.people import Firm

from .conftest import Page, now

pytestmark = pytest.mark.django_db
Browse = Callable[[Person], Client]
LIST, MINE = "/submissions/", "/settings/mine/"


@pytest.mark.parametrize(
    ("age", "level", "words"),
    [
        (timedelta(seconds=40), "fresh", ", 40 s ago"),
        (timedelta(minutes=2), "fresh", ", 2 min ago"),
        (timedelta(minutes=12), "amber", ", 12 min ago. Catching up."),
        (timedelta(minutes=16), "red", ", 16 min ago. Nothing new since."),
        (timedelta(hours=2), "red", ". Nothing new since."),
    ],
)
def test_the_stamp_says_how_old_the_data_is(
    owner: Person, browse: Browse, firm: Firm, age: timedelta, level: str, words: str
) -> None:
    at = now()
    SyncState.objects.filter(pk="pipelines").update(finished_at=at - age)

    # The first page of a run may take more than a second.
    with time_machine.travel(at, tick=False):
        page = Page(browse(owner).get(LIST))

    body = page.first("body")
    assert body["data-stale"] == level
    assert body["data-synced-at"] == (at - age).isoformat().replace("+00:00", "Z")
    assert words in " ".join(re.sub(r"</?(?:time|span)[^>]*>", "", page.text).split())


@pytest.mark.parametrize("path", [LIST, "/board/changes/?fresh=1&pipeline=pl_prospects"])
def test_scripts_are_told_the_age_in_utc_wherever_the_firm_is(
    owner: Person, browse: Browse, firm: Firm, settings: Any, path: str
) -> None:
    settings.TIME_ZONE = "America/New_York"
    SyncState.objects.update(finished_at=datetime(2026, 7, 30, 23, 5, tzinfo=UTC))

    page = Page(browse(owner).get(path))

    told = [attrs["data-synced-at"] for _, attrs in page.elements if "data-synced-at" in attrs]
    assert told == ["2026-07-30T23:05:00Z"]


def test_a_failing_sync_makes_the_stamp_red(owner: Person, browse: Browse, firm: Firm) -> None:
    SyncState.objects.filter(pk="books").update(failed_at=now() + timedelta(seconds=1), failure="unreachable")

    page = Page(browse(owner).get(LIST))

    assert page.first("body")["data-stale"] == "red"
    assert "Slant does not answer." in page.text


def test_before_the_first_sync_the_stamp_says_so(owner: Person, browse: Browse) -> None:
    page = Page(browse(owner).get(LIST))

    assert page.first("body")["data-synced-at"] == ""
    assert "No data from Slant yet" in page.text


def test_the_oldest_resource_decides(firm: Firm) -> None:
    SyncState.objects.filter(pk="households").update(finished_at=now() - timedelta(hours=1))

    assert stamp(list(SyncState.objects.all()), now()).level == "red"


def test_what_is_read_seldom_is_not_called_late(firm: Firm) -> None:
    """A firm whose deals take 100 calls, without a filter for changes: one pass in twenty minutes is its
    pace.
    """
    SyncState.objects.filter(pk="opportunities").update(
        cursor={"calls": 100, "filter": "ignored"}, finished_at=now() - timedelta(minutes=30)
    )
    assert stamp(list(SyncState.objects.all()), now()).level == "fresh"

    SyncState.objects.filter(pk="opportunities").update(finished_at=now() - timedelta(minutes=50))
    assert stamp(list(SyncState.objects.all()), now()).level == "amber"


def test_a_first_load_says_how_far_it_has_come(owner: Person, browse: Browse, firm: Firm) -> None:
    SyncState.objects.filter(pk="opportunities").update(
        finished_at=None, cursor={"progress": {"read": 1200, "of": 14000}}
    )

    page = Page(browse(owner).get(LIST))

    assert "Loading deals: 1,200 of 14,000." in page.text
    assert page.first("body")["data-stale"] == "amber"


def test_partial_data_says_so(owner: Person, browse: Browse, firm: Firm) -> None:
    SyncState.objects.filter(pk="opportunities").update(cursor={"partial": True})

    assert "Partial data: Slant lists no deals without a household." in Page(browse(owner).get(LIST)).text


def test_alerts_are_for_managers_and_a_stop_is_for_all(
    owner: Person, manager: Person, browse: Browse, firm: Firm
) -> None:
    Alert.objects.create(cause="token", text="Slant refuses our token.", opened_at=now())
    Alert.objects.create(cause="old", text="Long over.", opened_at=now(), closed_at=now())
    Hold.objects.create(pk="stopped", at=now())

    seller, boss = (browse(person).get(LIST).content.decode() for person in (owner, manager))

    assert "Slant refuses our token." in boss
    assert "Slant refuses our token." not in seller
    assert "Long over." not in boss
    assert "Sending is stopped." in seller
    assert "Sending is stopped." in boss


def test_the_menu_leads_only_to_pages_that_exist(manager: Person, browse: Browse, firm: Firm) -> None:
    client = browse(manager)
    page = Page(client.get(LIST))

    for link in {link for link in page.links() if link.startswith("/")}:
        assert client.get(link, follow=True).status_code == 200, link


def test_compliance_has_no_button_for_what_they_may_not_do(compliance: Person, browse: Browse) -> None:
    assert "/opportunities/new/" not in Page(browse(compliance).get(LIST)).links()


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_the_theme_one_chose_is_drawn_by_the_server(owner: Person, browse: Browse, theme: str) -> None:
    client = browse(owner)

    response = client.post(MINE, {"theme": theme}, headers={"Referer": "http://testserver/submissions/"})

    assert (response.status_code, response["Location"]) == (303, "http://testserver/submissions/")
    assert response.cookies["theme"].value == theme
    assert Page(client.get(LIST)).first("html")["data-bs-theme"] == theme


def test_single_key_shortcuts_can_be_turned_off(owner: Person, browse: Browse) -> None:
    client = browse(owner)
    on = Page(client.get(LIST)).first("body")["data-shortcuts"]

    client.post(MINE, {"shortcuts": "off"})

    assert (on, Page(client.get(LIST)).first("body")["data-shortcuts"]) == ("on", "off")


@pytest.mark.parametrize("bad", [{"theme": "pink"}, {"shortcuts": "maybe"}, {}])
def test_an_unknown_choice_changes_nothing_and_leads_nowhere_else(
    owner: Person, browse: Browse, bad: dict[str, str]
) -> None:
    response = browse(owner).post(MINE, bad, headers={"Referer": "https://elsewhere.example/"})

    owner.refresh_from_db()
    assert (owner.theme, owner.shortcuts) == ("auto", True)
    assert response["Location"] == "/"


def test_choices_are_only_posted(owner: Person, browse: Browse) -> None:
    assert browse(owner).get(MINE).status_code == 405


def test_htmx_is_told_to_run_nothing_and_swap_a_refused_form(owner: Person, browse: Browse) -> None:
    page = Page(browse(owner).get(LIST))

    config = json.loads(
        next(attrs["content"] for _, attrs in page.elements if attrs.get("name") == "htmx-config")
    )
    assert config == {
        "allowEval": False,
        "allowScriptTags": False,
        "includeIndicatorStyles": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
        "attributesToSettle": ["class"],
        "refreshOnHistoryMiss": True,
        "historyRestoreAsHxRequest": False,
        "timeout": 12000,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "422", "swap": True},
            {"code": "[45]..", "swap": False, "error": True},
        ],
    }


def test_the_shell_costs_nothing_until_a_page_asks_for_it(owner: Person) -> None:
    request = RequestFactory().get("/")
    request.user = owner

    with CaptureQueriesContext(connection) as queries:
        shell(request)

    assert len(queries) == 0


def test_the_shell_costs_one_query_and_one_more_for_alerts_there_are(
    owner: Person, manager: Person, firm: Firm
) -> None:
    Alert.objects.create(cause="x", text="Something is wrong", opened_at=now())
    costs = []
    for person in (owner, manager):
        request = RequestFactory().get("/")
        request.user = person
        with CaptureQueriesContext(connection) as queries:
            _ = shell(request)["shell"].status
        costs.append(len(queries))

    assert costs == [1, 2]
