"""What pages say of a record that Slant shows and we cannot read."""

from typing import Any

import pytest
from django.test import Client

from opportunities.models import Alert, Opportunity, Person, Role, State, SyncState, UnreadableRecord
from opportunities.selectors.shell import shell_status
from tests.delivery.test_settling import lose
from tests.support.office import Office, clock, fresh, office, production_waits, theo
from tests.support.people import make_person
from tests.support.slant_box import SlantBox, TurnedClock

__all__ = ["clock", "office", "production_waits", "theo"]

MARK = "Slant shows something here we cannot read"
DEAL = "op_71qz5d"


@pytest.fixture(autouse=True)
def _mirror_each_minute(production_waits: None, settings: Any) -> None:
    settings.SYNC_SECONDS = 60


@pytest.fixture
def box(clock: TurnedClock) -> SlantBox:
    """A small firm with one odd deal and one odd household."""
    small = SlantBox(clock, opportunities=12)
    small.control(
        records=[
            {"op": "show", "id": DEAL, "set": {"value": "5000-odd"}},
            {"op": "show", "id": "hh_okonkwo", "set": {"type": 17}},
        ]
    )
    return small


def client_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def sales(theo: Person) -> Client:
    return client_of(theo)


@pytest.fixture
def boss(theo: Person) -> Client:
    return client_of(make_person("Boss", Role.MANAGER))


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return " ".join(answer.content.decode().split())


def test_card_and_line_of_an_odd_deal_carry_the_mark(sales: Client) -> None:
    pipeline = Opportunity.objects.get(pk=DEAL).pipeline_id

    for view in ("board", "list"):
        page = text(sales, f"/board/?pipeline={pipeline}&view={view}")
        assert page.count(MARK) == 1, view


def test_the_page_of_a_deal_names_the_field_and_shows_its_raw_form_to_managers(
    sales: Client, boss: Client
) -> None:
    for client, shown in ((sales, False), (boss, True)):
        page = text(client, f"/opportunities/{DEAL}/")
        assert MARK in page
        assert "Value" in page
        assert ("5000-odd" in page) is shown


def test_data_quality_lists_them_with_raw_forms_for_managers(sales: Client, boss: Client) -> None:
    for client, shown in ((sales, False), (boss, True)):
        page = text(client, "/reports/data-quality/")
        assert f"deal {DEAL}" in page
        assert "household hh_okonkwo" in page
        assert ("5000-odd" in page) is shown


def test_readyz_and_metrics_count_them(sales: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "for-tests"
    assert sales.get("/readyz").json()["checks"]["sync"]["unreadable"] == 2

    metrics = sales.get("/metrics", headers={"Authorization": "Bearer for-tests"}).content.decode()
    assert "slantweb_unreadable_records 2.0" in metrics


def test_the_stamp_says_how_many_and_that_the_data_is_fresh(sales: Client, clock: TurnedClock) -> None:
    person = make_person("Anybody", Role.SALES)

    stamp = shell_status(person, clock.now()).stamp

    assert (stamp.level, stamp.failing) == ("fresh", False)
    assert stamp.unreadable == "1 deal and 1 other record could not be read."
    assert "could not be read." in text(sales, "/submissions/")
    UnreadableRecord.objects.filter(resource="households").delete()
    assert shell_status(person, clock.now()).stamp.unreadable == "1 deal could not be read."


def test_a_list_that_cannot_be_read_at_all_is_not_called_silence(sales: Client, clock: TurnedClock) -> None:
    SyncState.objects.filter(pk="books").update(
        failed_at=clock.now(), cursor={"undocumented": True, "as_of": clock.now().isoformat()}
    )

    page = text(sales, "/submissions/")

    assert "Slant's answer could not be read." in page.replace("&#x27;", "'")
    assert "Slant does not answer" not in page


def test_a_manager_compares_an_unreadable_candidate_and_cannot_link_one_without_an_id(
    office: Office, boss: Client
) -> None:
    office.box.control(
        records=[
            {"op": "show", "id": "new", "set": {"id": 7, "value": "12x", "household_id": {"a": 1}}},
        ]
    )
    submission = lose(office, "+500")
    office.rounds(minutes=6, every=30)
    assert fresh(submission).state == State.REVIEW

    page = text(boss, f"/submissions/{submission.pk}/")

    assert "a record without an id we can read" in page
    assert "cannot be read" in page
    assert 'value="link"' not in page
    (candidate,) = submission.check_state["candidates"]
    answer = boss.post(
        f"/submissions/{submission.pk}/decide/",
        {"decision": "link", "opportunity_id": candidate["id"], "reason": "x", "seen": candidate["id"]},
    )
    assert answer.status_code == 422
    assert fresh(submission).state == State.REVIEW


def test_the_alert_of_odd_records_leads_to_data_quality(boss: Client, office: Office) -> None:
    office.clock.turn(minutes=2)
    office.round()

    alert = Alert.objects.get(cause="unreadable_records")

    assert alert.path == "/reports/data-quality/"
    assert f"deal {DEAL}: value" in alert.details


def test_a_deal_that_was_made_and_has_no_place_yet_still_has_its_submissions_page(
    office: Office,
    sales: Client,
) -> None:
    office.box.control(records=[{"op": "show", "id": "new", "unset": ["pipeline_stage"]}])
    submission = office.submit(pipeline_stage_id="")
    office.round()
    assert fresh(submission).state == State.CONFIRMED

    page = text(sales, f"/submissions/{submission.pk}/")

    assert 'data-state="confirmed"' in page
    assert f'href="/opportunities/{submission.opportunity_id}/"' not in page
