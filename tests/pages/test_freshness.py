"""What an open page asks for while it is read: the stamp, what waits, and the states it shows."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from opportunities.models import Hold, Person, State, SyncState
from tests.support.people import Firm

from .conftest import Make, Page, now

pytestmark = pytest.mark.django_db
Browse = Callable[[Person], Client]
POLL = {"HX-Request": "true", "X-Poll": "1"}


def test_a_poll_brings_stamp_banners_and_what_waits_for_two_queries_and_the_sign_in(
    owner: Person, browse: Browse, sent: Make
) -> None:
    sent(State.QUEUED, name="Waits")
    Hold.objects.create(code="stopped", reason="Slant asked us to.", at=now())
    client = browse(owner)

    with CaptureQueriesContext(connection) as queries:
        page = Page(client.get("/freshness/", headers=POLL))

    assert page.by_id("stamp")["data-level"] == "fresh"
    assert "Sending is stopped." in page.text
    assert '1<span class="visually-hidden"> waiting</span>' in page.text
    read = [sql for sql in (query["sql"] for query in queries) if sql.startswith("SELECT")]
    assert len([sql for sql in read if "session" not in sql]) <= 2, read


def test_the_stamp_says_when_it_will_be_late(owner: Person, browse: Browse, firm: Firm) -> None:
    at = now()
    SyncState.objects.update(finished_at=at - timedelta(seconds=40))

    with time_machine.travel(at, tick=False):
        stamp = Page(browse(owner).get("/submissions/")).by_id("stamp")

    assert (stamp["data-age"], stamp["data-amber-in"], stamp["data-red-in"]) == ("40", "140", "860")


def test_a_list_of_submissions_that_did_not_change_is_not_drawn_again(
    owner: Person, browse: Browse, sent: Make
) -> None:
    row = sent(State.QUEUED, name="Waits")
    client = browse(owner)
    shown = Page(client.get("/submissions/")).by_id("submissions")
    seen = {"seen": shown["data-seen"]}

    assert client.get("/submissions/", seen, headers=POLL).status_code == 204

    row.state = State.SENDING
    row.save()
    answer = client.get("/submissions/", seen, headers=POLL)
    assert answer.status_code == 200
    fragment = Page(answer)
    assert 'data-state="sending"' in fragment.text
    assert fragment.by_id("submissions")["data-seen"] != seen["seen"]
    assert "<html" not in fragment.text


def test_a_list_asks_more_often_while_something_waits(owner: Person, browse: Browse, sent: Make) -> None:
    def wait() -> int:
        return int(Page(browse(owner).get("/submissions/")).by_id("submissions")["data-refresh"])

    at_rest = wait()
    sent(State.UNKNOWN, name="Doubtful")

    assert wait() < at_rest


@pytest.mark.parametrize(
    ("path", "part"), [("/submissions/review/", 'id="queue"'), ("/settings/sending/", 'id="sending-status"')]
)
def test_pages_of_managers_answer_their_scripts_with_the_part_that_changes(
    manager: Person, browse: Browse, firm: Firm, path: str, part: str
) -> None:
    page, fragment = browse(manager).get(path), browse(manager).get(path, headers=POLL)

    assert part in page.content.decode()
    assert part in fragment.content.decode()
    assert "<html" not in fragment.content.decode()
