"""The page "Audit trail": sentences, filters, everything recorded; for managers and compliance alone."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from opportunities.actions import deal_exports, people
from opportunities.actions.form_tokens import issue_token
from opportunities.actions.submissions import change
from opportunities.clock import SystemClock
from opportunities.delivery.kinds import DealChanges
from opportunities.models import AuditEvent, Person
from opportunities.selectors.audit.page import trail, trail_of
from opportunities.trail import query
from opportunities.trail.audit import Actor
from opportunities.trail.query import OPPORTUNITY_TYPES, SUBMISSION_TYPES, TrailQuery
from opportunities.trail.verify.nightly import conclude
from opportunities.trail.verify.whole import verify
from opportunities.wording import formats
from tests.entry.walk import routes
from tests.support.office import Office
from tests.support.people import make_person
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import SignIn, spoiling, write_events


def sentences(person: Person, **wanted: object) -> list[str]:
    found = trail(person, TrailQuery(**wanted))  # type: ignore[arg-type]
    return [line.words for day in found.days for line in day.lines]


@pytest.fixture
def auditor(db: None) -> Person:
    return make_person("Cleo Compliance", "compliance")


def test_the_page_alone_tells_the_story_of_a_deal(office: Office, auditor: Person, signed_in: SignIn) -> None:
    """Who created it, what exactly was sent, how often it was tried, and what Slant said."""
    office.box.mischief.extend(["drop_after"])
    row = office.submit(name="Okonkwo rollover")
    office.round()
    office.rounds(minutes=1)
    row.refresh_from_db()
    client = signed_in(auditor)

    page = client.get(f"/audit/?{urlencode({'object': f'submission:{row.pk}'})}").text

    for told in (
        "<b>Theo Okafor</b> entered <b>Okonkwo rollover</b> with $640,000.",
        "started sending <b>Okonkwo rollover</b> to Slant, attempt 1.",
        'sent <b>Okonkwo rollover</b> to Slant and <b class="is-warn-text">got no answer</b>.',
        f"<b>Slantweb</b> found <b>Okonkwo rollover</b> in Slant as {row.opportunity_id}",
        row.reference,
        "The answer got lost",
        "&quot;value&quot;: 640000",
        "as it was when this was recorded",
    ):
        assert told in page, told
    assert row.opportunity_id in page
    assert sentences(auditor, text="okonkwo ROLL") == sentences(auditor, object=f"submission:{row.pk}")
    assert sentences(auditor, text=row.reference)[-1].startswith("Theo Okafor entered")
    assert sentences(auditor, object=f"opportunity:{row.opportunity_id}") == sentences(
        auditor, text=row.reference
    )


@pytest.mark.parametrize(("rows", "told"), [(1, "1 row"), (28, "28 rows")])
def test_one_is_told_as_one(auditor: Person, rows: int, told: str) -> None:
    by = Actor.operator("ada")
    deal_exports.record(object_type="list", format="csv", rows=rows, filters="", by=by, clock=SystemClock())

    assert sentences(auditor) == [f"ada (server administrator) exported {told} of list as csv."]


def test_an_edit_is_told_field_by_field_with_what_was_there_before(
    office: Office, auditor: Person, signed_in: SignIn
) -> None:
    row = office.submit(name="Okonkwo rollover")
    office.round()
    row.refresh_from_db()
    change(
        changes=DealChanges(row.opportunity_id, new_values={"value": 700_000}, seen_values={"value": 1}),
        kind="edit",
        person=office.person,
        by=office.by,
        clock=office.clock,
        form_token=issue_token(office.person),
        confirm_overwrite=True,
    )

    event = AuditEvent.objects.latest("seq")
    assert (event.before, event.after["value"], event.after["overwrote"]) == (
        {"value": 640_000},
        700_000,
        ["value"],
    )
    assert sentences(auditor)[0] == (
        "Theo Okafor asked to change Okonkwo rollover. "
        "They were asked about a change made in Slant in the meantime and chose to replace it."
    )
    page = signed_in(auditor).get("/audit/").text
    assert "<td>$640,000</td><td>$700,000</td>" in page


def test_who_saw_this_households_deals_is_one_filter(
    office: Office, auditor: Person, signed_in: SignIn
) -> None:
    row = office.submit(household_id="hh_okonkwo", name="A deal of theirs")
    other = office.submit(household_id="hh_alvarez", name="A deal of others")
    manager = make_person("Mona Manager", "manager")
    for client in (signed_in(office.person), signed_in(manager)):
        client.get(f"/submissions/{row.pk}/")
        client.get(f"/submissions/{other.pk}/")

    told = ["Mona Manager looked at A deal of theirs.", "Theo Okafor looked at A deal of theirs."]
    assert sentences(auditor, saw="hh_okonkwo") == told
    page = signed_in(auditor).get("/audit/?saw=hh_okonkwo").text
    assert page.count("looked at") == 2
    assert "A deal of others" not in page


def test_every_filter_alone_and_together(db: None, clock: TurnedClock, auditor: Person) -> None:
    olivia = Actor("user", "Olivia Owner", "https://sign-on.example", "sub-olivia", ("sales",))
    write_events(3, clock, by=olivia)
    clock.turn(minutes=60 * 24)
    people.record_refusal(by=Actor("user", "not signed in"), clock=clock, reason_code="state_unknown")
    write_events(2, clock, by=Actor.worker("w:1:a"))
    day = clock.now().date()

    def seqs(**wanted: object) -> list[int]:
        return [event.seq for event in query.newest(TrailQuery(**wanted), limit=50)]  # type: ignore[arg-type]

    asked = {
        "everything": {},
        "a person": {"who": "https://sign-on.example sub-olivia"},
        "the worker": {"who": "worker"},
        "nobody": {"who": "nobody"},
        "an event": {"actions": ("person.refused",)},
        "two events": {"actions": ("person.refused", "client_data.viewed")},
        "an outcome": {"outcome": "trouble"},
        "an object": {"object": "opportunity:op_1"},
        "first day": {"since": day},
        "last day": {"until": day - timedelta(days=1)},
        "a number": {"text": "4"},
        "all together": {
            "who": "https://sign-on.example sub-olivia",
            "actions": ("client_data.viewed",),
            "outcome": "good",
            "object": "opportunity:op_1",
            "since": day - timedelta(days=1),
            "until": day,
        },
        "a stranger": {"who": "https://sign-on.example nobody-ever"},
        "nonsense": {"who": "nonsense"},
    }
    assert {name: seqs(**wanted) for name, wanted in asked.items()} == {
        "everything": [6, 5, 4, 3, 2, 1],
        "a person": [3, 2, 1],
        "the worker": [6, 5],
        "nobody": [4],
        "an event": [4],
        "two events": [6, 5, 4, 3, 2, 1],
        "an outcome": [4],
        "an object": [6, 2],
        "first day": [6, 5, 4],
        "last day": [3, 2, 1],
        "a number": [4],
        "all together": [2],
        "a stranger": [],
        "nonsense": [],
    }
    for wanted in asked.values():
        same = AuditEvent.objects.filter(query.condition(TrailQuery(**wanted))).order_by("-seq")  # type: ignore[arg-type]
        assert [event.seq for event in same] == seqs(**wanted)


def test_pages_follow_each_other_without_gap_or_repeat(
    db: None, clock: TurnedClock, auditor: Person, signed_in: SignIn
) -> None:
    write_events(120, clock)
    seen: list[int] = []
    before = 0
    while True:
        page = trail(auditor, TrailQuery(), before=before)
        seen += [line.seq for day in page.days for line in day.lines]
        if not page.older:
            break
        before = page.older

    assert seen == list(range(120, 0, -1))
    client = signed_in(auditor)
    assert 'href="?before=71"' in client.get("/audit/").text
    assert 'href="?who=worker&amp;before=' not in client.get("/audit/?who=worker").text


def test_one_event_and_fifty_cost_the_same_number_of_queries(
    db: None, clock: TurnedClock, auditor: Person, signed_in: SignIn
) -> None:
    client = signed_in(auditor)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/audit/").status_code == 200
        return len(queries)

    write_events(1, clock)
    cost()
    one = cost()
    write_events(60, clock)
    assert cost() == one


@pytest.mark.parametrize("path", ["/audit/", "/audit/export/"])
def test_sales_may_not_read_it(
    owner: Person, auditor: Person, clock: TurnedClock, signed_in: SignIn, path: str
) -> None:
    write_events(1, clock)
    told = AuditEvent.objects.get()

    refused, read = signed_in(owner).get(path), signed_in(auditor).get(path)

    assert (refused.status_code, read.status_code) == (403, 200)
    assert "Content-Disposition" not in refused.headers
    for known_by in (f'data-seq="{told.seq}"', str(told.event_id), told.hash):
        assert known_by not in refused.text
    exports = AuditEvent.objects.filter(action="audit.export_started")
    assert [event.actor_sub for event in exports] == ([auditor.sub] if "export" in path else [])


def test_a_submission_page_shows_its_trail_to_whoever_may_read_it(
    office: Office, auditor: Person, signed_in: SignIn
) -> None:
    row = office.submit()
    mine = signed_in(office.person).get(f"/submissions/{row.pk}/").text
    theirs = signed_in(auditor).get(f"/submissions/{row.pk}/").text

    assert "trail-days" not in mine
    assert "<b>Theo Okafor</b> entered" in theirs
    assert trail_of(office.person, "submission", str(row.pk)) is None


def test_people_stay_readable_when_they_are_renamed_or_removed(
    db: None, auditor: Person, signed_in: SignIn
) -> None:
    gone = make_person("Gideon Gone", "sales")
    people.sign_out(person=gone, by=Actor.of(gone), clock=SystemClock())
    married = make_person("Rita Renamed", "sales")
    people.sign_out(person=married, by=Actor.of(married), clock=SystemClock())
    gone.delete()
    Person.objects.filter(pk=married.pk).update(name="Rita Remarried")

    assert sentences(auditor) == ["Rita Renamed signed out.", "Gideon Gone signed out."]
    assert sentences(auditor, who=f"{gone.iss} {gone.sub}") == ["Gideon Gone signed out."]
    assert sentences(auditor, text="Remarried") == ["Rita Renamed signed out."]


def test_an_altered_event_says_so_where_it_is_read(
    db: None, clock: TurnedClock, auditor: Person, signed_in: SignIn
) -> None:
    write_events(3, clock)
    client = signed_in(auditor)
    with spoiling() as cursor:
        cursor.execute("UPDATE opportunities_auditevent SET source_ip = '10.9.9.9' WHERE seq = 2")
        page = client.get("/audit/").text

    assert page.count("NOT what its hash was made of") == 1


def test_the_page_says_what_was_verified_and_what_came_since(
    db: None, clock: TurnedClock, auditor: Person, signed_in: SignIn
) -> None:
    """The event of the verification is the first that came since."""
    client = signed_in(auditor)
    write_events(125, clock)
    conclude(verify(), by=Actor.operator("test"), clock=clock)

    def seal() -> str:
        found = trail(auditor, TrailQuery()).seal
        assert found
        return found.words

    verified, at = seal().split("; ")[0], formats.moment(clock.now(), timezone.now())
    assert verified == f"Chain intact through entry 125, checked {at}"
    assert seal() == f"{verified}; 1 newer entry is not checked yet"
    write_events(29, clock)
    assert seal() == f"{verified}; 30 newer entries are not checked yet"
    assert seal() in client.get("/audit/").text


def test_days_that_cannot_be_read_are_said_and_nothing_breaks(
    db: None, auditor: Person, signed_in: SignIn
) -> None:
    client = signed_in(auditor)

    page = client.get("/audit/?since=yesterday&until=2026-13-01&who=%00&outcome=x&before=-1&q=%ED%A0%80")
    assert page.status_code == 200
    assert 'id="since-error"' in page.text
    ends = client.get("/audit/?since=0001-01-01&until=9999-12-31").text
    assert ('id="since-error"' in ends, 'id="until-error"' in ends) == (True, True)
    swapped = client.get("/audit/?since=2026-11-02&until=2026-11-01").text
    assert "The first day is after the last." in swapped
    for q in ("'", "%", "_", "\\", "a" * 400, "9" * 60, "🦊"):
        asked = urlencode({"q": q, "saw": q, "who": q, "what": q, "object": q})
        assert client.get(f"/audit/?{asked}").status_code == 200


def test_the_printed_copy_is_open_and_says_what_it_is(
    db: None, clock: TurnedClock, auditor: Person, signed_in: SignIn
) -> None:
    write_events(60, clock)

    page = signed_in(auditor).get("/audit/?print=yes&what=viewed").text

    assert page.count("<details open>") == 60
    assert "Printed " in page
    assert "What: Viewed" in page


def test_every_route_about_a_deal_is_found_by_the_deal() -> None:
    """A new route with an id below these paths belongs into finding.py, or looks under its name are not
    found.
    """
    names: dict[str, set[str]] = {}
    for route in routes():
        if "id" in route.params:
            names.setdefault(route.path.split("/")[1], set()).add(route.name.partition(":")[2])

    assert names["submissions"] <= set(SUBMISSION_TYPES)
    assert names["opportunities"] <= set(OPPORTUNITY_TYPES)
