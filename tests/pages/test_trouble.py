"""Pages tell the truth while something behind them is wrong: no worker, failing rounds, Slant away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from opportunities.models import Alert, Budget, Heartbeat, Hold, Opportunity, Person, Submission, SyncState
from tests.support.people import Firm

from .conftest import Page

pytestmark = pytest.mark.django_db
Browse = Callable[[Person], Client]
LIST, SENDING = "/submissions/", "/settings/sending/"


def ago(**age: float) -> datetime:
    return datetime.now(UTC) - timedelta(**age)


def working(**fields: object) -> None:
    Heartbeat.objects.create(
        **{"worker": "main:1", "at": ago(seconds=1), "completed_at": ago(seconds=2)} | fields
    )


def text_of(client: Client, path: str) -> str:
    return " ".join(Page(client.get(path)).text.split())


# No worker


def test_with_a_worker_no_page_says_anything_of_workers(owner: Person, browse: Browse, firm: Firm) -> None:
    working()

    assert "Nothing is sent or read" not in text_of(browse(owner), LIST)


def test_without_a_worker_every_page_says_that_nothing_is_sent(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    working(at=ago(minutes=5), completed_at=ago(minutes=5))
    client = browse(owner)

    for path in (LIST, "/board/", "/opportunities/new/", "/reports/overview/"):
        text = text_of(client, path)
        assert "Nothing is sent or read at the moment:" in text, path
        assert "what you enter is saved here and goes to Slant once that runs again" in text, path


def test_a_worker_that_only_begins_rounds_is_none(owner: Person, browse: Browse, firm: Firm) -> None:
    working(completed_at=ago(minutes=5), failures=60, failing_since=ago(minutes=5))

    assert "Nothing is sent or read at the moment:" in text_of(browse(owner), LIST)


def test_without_a_worker_the_stamp_does_not_say_that_it_catches_up(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    working(completed_at=ago(minutes=5))
    SyncState.objects.update(finished_at=ago(minutes=5), failed_at=None)
    page = Page(browse(owner).get(LIST))

    assert page.first("body")["data-stale"] == "amber"
    assert "Nothing is read now." in page.text
    assert "Catching up." not in page.text


def test_fresh_data_that_nobody_reads_any_more_is_no_longer_called_fresh(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    working(completed_at=ago(minutes=2))

    assert Page(browse(owner).get(LIST)).first("body")["data-stale"] == "amber"


def test_a_manager_who_has_the_alert_is_not_told_twice(manager: Person, browse: Browse, firm: Firm) -> None:
    working(completed_at=ago(minutes=5))
    Alert.objects.create(cause="no_worker", text="No worker lives.", opened_at=ago(minutes=3))

    text = text_of(browse(manager), LIST)

    assert "No worker lives." in text
    assert "Nothing is sent or read at the moment:" not in text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("queued", "The background work of Slantweb stands still, so nothing is sent at the moment"),
        ("sending", "It looks by itself once its background work runs again."),
        ("unknown", "We look once the background work of Slantweb runs again."),
    ],
)
def test_the_page_of_a_submission_promises_no_time_that_nobody_keeps(
    owner: Person, browse: Browse, firm: Firm, sent: Callable[..., Submission], state: str, words: str
) -> None:
    row = sent(state, due_at=datetime.now(UTC) + timedelta(seconds=40), created_at=ago(minutes=3))
    path = f"/submissions/{row.pk}/"
    working()
    before = text_of(browse(owner), path)

    Heartbeat.objects.update(completed_at=ago(minutes=3))
    text = text_of(browse(owner), path)

    assert words not in before
    assert words in text
    for promise in (
        "Slant in a moment",
        "look in a moment",
        "at about",
        "under two seconds",
        "Slant is taking longer",
    ):
        assert promise not in text, promise


def test_nor_does_the_page_of_its_deal(
    owner: Person, browse: Browse, firm: Firm, sent: Callable[..., Submission]
) -> None:
    Opportunity.objects.create(
        pk="op_rollover",
        name="Okonkwo rollover",
        book=firm.harbor,
        pipeline=firm.prospects,
        stage=firm.qualified,
        first_seen_at=ago(days=1),
        seen_at=ago(minutes=5),
    )
    sent("queued", kind="edit", opportunity_id="op_rollover", due_at=datetime.now(UTC))
    working(completed_at=ago(minutes=3))

    text = text_of(browse(owner), "/opportunities/op_rollover/")

    assert "The background work of Slantweb stands still, so nothing is sent at the moment" in text


# The banner of an alert


def test_an_alert_says_what_it_means_what_to_do_and_where(
    manager: Person, browse: Browse, firm: Firm
) -> None:
    Alert.objects.create(
        cause="review",
        text="1 deal waits.",
        meaning="It may be in Slant.",
        remedy="Decide.",
        path="/submissions/review/",
        details="SW-1\nSW-2",
        opened_at=ago(minutes=3),
    )
    page = Page(browse(manager).get(LIST))

    for words in ("1 deal waits.", "It may be in Slant.", "Decide.", "SW-1<br>SW-2"):
        assert words in page.text
    assert "/submissions/review/" in page.links()


def test_more_alerts_than_a_page_can_bear_are_counted_and_listed_on_the_page_about_sending(
    manager: Person, browse: Browse, firm: Firm
) -> None:
    for number in range(7):
        Alert.objects.create(cause=f"c{number}", text=f"Trouble {number}.", opened_at=ago(minutes=9 - number))
    client = browse(manager)

    assert "2 more alerts" in text_of(client, LIST)
    listed = text_of(client, SENDING)
    assert [number for number in range(7) if f"Trouble {number}." not in listed] == []


# The page about sending


def sending_words(browse: Browse, manager: Person) -> str:
    return text_of(browse(manager), SENDING).partition('<h2 id="workers">')[0]


def test_it_says_that_sending_is_on_only_while_it_is(manager: Person, browse: Browse, firm: Firm) -> None:
    working()

    words = sending_words(browse, manager)

    assert "<b>Sending is on.</b> 0 submissions are waiting at the moment." in words


@pytest.mark.parametrize(
    ("trouble", "title"),
    [
        ("never", "Nothing is sent to Slant: no worker is running."),
        ("gone", "Nothing is sent to Slant: no worker is running."),
        ("fails", "Nothing is sent to Slant: the rounds of the workers fail."),
        ("away", "Slant does not answer."),
        ("spent", "The calls to Slant of this hour are used up."),
        ("held", "Nothing is sent to Slant."),
    ],
)
def test_it_says_why_nothing_is_sent(
    manager: Person, browse: Browse, firm: Firm, sent: Callable[..., Submission], trouble: str, title: str
) -> None:
    for _ in range(3):
        sent()
    match trouble:
        case "gone":
            working(at=ago(minutes=2), completed_at=ago(minutes=2))
        case "fails":
            working(completed_at=ago(minutes=2), failures=9, failing_since=ago(minutes=2), failure="OSError")
        case "away":
            working()
            SyncState.objects.update(failed_at=datetime.now(UTC))
        case "spent":
            working()
            Budget.objects.update(minutes={str(int(datetime.now(UTC).timestamp() // 60)): 850})
        case "held":
            Hold.objects.create(pk="stopped", at=ago(minutes=1))

    words = sending_words(browse, manager)

    assert f"<b>{title}</b> 3 submissions are waiting. Everything people enter is kept" in words
    assert "Sending is on" not in words


def test_it_says_of_each_worker_when_it_completed_a_round_and_why_one_fails(
    manager: Person, browse: Browse, firm: Firm
) -> None:
    working()
    working(
        worker="other:2",
        completed_at=None,
        failures=3,
        failing_since=ago(minutes=1),
        failure="OSError: [Errno 28] No space left on device",
    )
    working(worker="gone:3", at=ago(days=2), completed_at=ago(days=2))

    text = text_of(browse(manager), SENDING)

    assert "<b>main:1</b> completed a round at " in text
    assert "<b>other:2</b> has completed no round yet." in text
    assert "3 rounds failed since" in text
    assert "[Errno 28] No space left on device." in text
    assert "gone:3" not in text
