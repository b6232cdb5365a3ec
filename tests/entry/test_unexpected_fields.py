"""A form takes the fields it names, from where they belong, and no others."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from opportunities.actions import form_tokens
from opportunities.models import OpenSession, Person, SavedView, Submission
from tests.support.people import Firm

from .walk import routes

pytestmark = pytest.mark.django_db
SignIn = Callable[[Person], Client]

# Names of columns and of Slant's fields that no form has.
UNEXPECTED = {
    "state": "confirmed",
    "kind": "edit",
    "person": "00000000-0000-4000-8000-000000000000",
    "person_id": "00000000-0000-4000-8000-000000000000",
    "by_display": "Somebody Else",
    "reference": "SW-MINE",
    "idempotency_key": "00000000-0000-4000-8000-000000000001",
    "opportunity_id": "op_mine",
    "attempts": "9",
    "body": "{}",
    "labels": "{}",
    "roles": "manager",
    "is_active": "0",
    "iss": "https://evil.example",
    "sub": "somebody-else",
    "email": "manager@firm.example",
    "slowed_until": "",
    "archived": "true",
    "status": "won",
    "created_at": "2020-01-01T00:00:00Z",
    "custom_fields": '{"secret": 1}',
    "custom_fields.unknown": "x",
    "__proto__": "x",
}


def deal(person: Person) -> dict[str, str]:
    return {
        "book_id": "bk_harbor",
        "name": "A new deal",
        "value": "1000",
        "pipeline_id": "pl_prospects",
        "pipeline_stage_id": "st_lead",
        "assigned_to_id": "us_owner",
        "form_token": form_tokens.issue_token(person),
    }


def test_a_new_deal_holds_what_its_form_has_and_nothing_else(
    firm: Firm, owner: Person, signed_in: SignIn
) -> None:
    response = signed_in(owner).post("/opportunities/new/", deal(owner) | UNEXPECTED)

    row = Submission.objects.get()
    assert response.status_code == 303
    assert (row.state, row.kind, row.person, row.by_display) == ("queued", "create", owner, owner.display)
    assert (row.opportunity_id, row.reference) != ("op_mine", "SW-MINE")
    assert str(row.idempotency_key) != UNEXPECTED["idempotency_key"]
    assert json.loads(row.body).keys() == {
        "book_id", "name", "value", "pipeline_id", "pipeline_stage_id", "assigned_to_id",
    }  # fmt: skip


def rights_of(person: Person) -> dict[str, Any]:
    fields = ("iss", "sub", "email", "name", "roles", "member_id", "is_active", "member_linked_by")
    return Person.objects.filter(pk=person.pk).values(*fields).get()


def test_no_form_gives_anybody_a_role_or_another_identity(
    firm: Firm, owner: Person, manager: Person, signed_in: SignIn
) -> None:
    before, client = (rights_of(owner), rights_of(manager)), signed_in(owner)
    extra = UNEXPECTED | {"person": str(owner.pk), "member_id": "us_outsider", "member_linked_by": "me"}

    for route in routes():
        if route.name not in ("opportunities:sign_out", "opportunities:demo_sign_in"):
            client.post(route.path, extra)

    assert (rights_of(owner), rights_of(manager)) == before


def test_no_form_reaches_what_is_somebody_elses_by_an_id_it_sends(
    firm: Firm, owner: Person, outsider: Person, signed_in: SignIn
) -> None:
    """Ids in addresses are swept by test_reach; these stand in the forms."""
    signed_in(outsider).post("/board/views/", {"name": "Mine", "query": "stale=1"})
    view, submission = SavedView.objects.get(), submission_of(outsider)
    session = OpenSession.objects.create(
        person=outsider, session_key="theirs", began_at=timezone.now(), seen_at=timezone.now()
    )
    Session.objects.create(session_key="theirs", expire_date=timezone.now() + timedelta(hours=1))
    theirs = (view, submission, session, outsider)
    before = [type(row).objects.filter(pk=row.pk).values().get() for row in theirs]
    client, token = signed_in(owner), form_tokens.issue_token(owner)

    for route in routes():
        if route.name in ("opportunities:sign_out", "opportunities:demo_sign_in"):
            continue
        for row in theirs:
            names = ("id", "delete", "session", "person", "undo", "row", "from", "supersedes", "submission")
            client.post(route.path, dict.fromkeys(names, str(row.pk)) | {"form_token": token, "do": "hold"})

    assert [type(row).objects.filter(pk=row.pk).values().get() for row in theirs] == before
    assert Session.objects.filter(session_key="theirs").exists()


def submission_of(person: Person) -> Submission:
    return Submission.objects.create(
        kind="create",
        state="queued",
        person=person,
        by_display=person.display,
        body="{}",
        book_id="bk_summit",
        name="Theirs",
        reference="SW-THEIRS",
        form_token="theirs",
        created_at=timezone.now(),
    )


def test_the_address_of_a_form_fills_in_none_of_its_fields(
    firm: Firm, owner: Person, signed_in: SignIn
) -> None:
    """Query string and body are never mixed, so a link cannot add to what somebody sends."""
    client, preferences = signed_in(owner), reverse("opportunities:preferences")

    client.post(f"{preferences}?theme=dark&shortcuts=off")
    owner.refresh_from_db()
    assert (owner.theme, owner.shortcuts) == ("auto", True)

    without_value = {name: value for name, value in deal(owner).items() if name != "value"}
    client.post("/opportunities/new/?value=999&probability=50&book_id=bk_summit", without_value)
    body = json.loads(Submission.objects.get().body)
    assert body["book_id"] == "bk_harbor"
    assert not body.keys() & {"value", "probability"}


def test_of_a_field_that_comes_twice_one_value_counts_for_check_and_use_alike(
    firm: Firm, owner: Person, signed_in: SignIn
) -> None:
    for books in (["bk_summit", "bk_harbor"], ["bk_harbor", "bk_summit"]):
        form = {name: [value] for name, value in deal(owner).items()} | {"book_id": books}
        signed_in(owner).post("/opportunities/new/", form)

    assert {row.book_id for row in Submission.objects.all()} == {"bk_harbor"}
