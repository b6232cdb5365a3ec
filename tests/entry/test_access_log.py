"""Who looked at what, and who was refused what, is in the trail: once in 15 minutes, never for a list or
poll.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import caches
from django.test import Client

from opportunities.clock import SystemClock
from opportunities.models import AuditEvent, Opportunity, Person, State, Submission
from tests.support.people import Firm

SignIn = Callable[[Person], Client]
Later = Callable[[float], None]
POLL = {"HX-Request": "true", "X-Poll": "1"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[Later]:
    # PostgreSQL has a clock of its own, which no test can turn.
    monkeypatch.setattr(SystemClock, "now", lambda self: datetime.now(UTC))
    start = datetime.now(UTC)
    with time_machine.travel(start, tick=False) as traveller:
        yield lambda minutes: traveller.move_to(start + timedelta(minutes=minutes))


@pytest.fixture
def deal(later: Later, firm: Firm, owner: Person) -> str:
    row = Submission.objects.create(
        kind="create",
        state=State.CONFIRMED,
        person=owner,
        body="{}",
        book_id="bk_harbor",
        name="Okonkwo rollover",
        reference="SW-TEST-01",
        opportunity_id="op_1",
        form_token="t",
        created_at=datetime.now(UTC),
    )
    return f"/submissions/{row.pk}/"


def noted(*fields: str) -> list[tuple[object, ...]]:
    fields = fields or ("action", "object_type", "actor_sub")
    events = AuditEvent.objects.exclude(action__startswith="person.").order_by("seq")
    return list(events.values_list(*fields))


def test_looking_at_one_thing_is_noted(deal: str, owner: Person, signed_in: SignIn) -> None:
    response = signed_in(owner).get(deal)

    event = AuditEvent.objects.get(action="client_data.viewed")
    assert (event.object_type, f"/submissions/{event.object_id}/", event.outcome) == (
        "submission",
        deal,
        "ok",
    )
    assert (event.actor_sub, event.request_id) == (owner.sub, response["X-Request-ID"])
    assert len(event.session_ref) == 64


@pytest.mark.parametrize("remembered", [True, False], ids=["one process", "several processes"])
def test_once_in_a_quarter_of_an_hour(
    deal: str, owner: Person, signed_in: SignIn, later: Later, remembered: bool
) -> None:
    client = signed_in(owner)
    for minutes in (0, 1, 14, 16, 17):
        later(minutes)
        client.get(deal)
        if not remembered:
            caches["process"].clear()

    assert len(noted()) == 2


def test_each_person_and_each_thing_by_itself(
    deal: str, owner: Person, manager: Person, compliance: Person, signed_in: SignIn
) -> None:
    for person in (owner, manager, compliance):
        signed_in(person).get(deal)

    assert [sub for _, _, sub in noted()] == [owner.sub, manager.sub, compliance.sub]


def test_a_part_of_a_page_counts_a_poll_and_a_list_do_not(
    deal: str, owner: Person, signed_in: SignIn
) -> None:
    client = signed_in(owner)
    client.get("/submissions/")
    client.get("/households/?q=Okonkwo")
    client.get("/opportunities/new/")
    client.head(deal)
    assert noted() == []

    client.get(deal, headers={"HX-Request": "true"})
    assert len(noted()) == 1


@pytest.mark.parametrize("remembered", [True, False], ids=["one process", "several processes"])
def test_the_polls_of_a_page_that_was_opened_are_not(
    deal: str, owner: Person, signed_in: SignIn, later: Later, remembered: bool
) -> None:
    client = signed_in(owner)
    for minutes in (0, 14, 16, 29, 31):
        later(minutes)
        client.get(deal, headers=POLL if minutes else {})
        if not remembered:
            caches["process"].clear()

    assert len(noted()) == 1


def test_to_call_it_a_poll_hides_nothing(
    deal: str, owner: Person, outsider: Person, signed_in: SignIn
) -> None:
    """`X-Poll` is a header anybody can send."""
    signed_in(owner).get(deal, headers=POLL)
    signed_in(outsider).get(deal, headers=POLL)
    signed_in(outsider).get("/audit/", headers=POLL)

    assert noted("action", "object_type", "actor_sub") == [
        ("client_data.viewed", "submission", owner.sub),
        ("access.denied", "submission", outsider.sub),
        ("access.denied", "audit", outsider.sub),
    ]


def test_a_form_that_comes_back_shows_the_deal_too(firm: Firm, owner: Person, signed_in: SignIn) -> None:
    now = datetime.now(UTC)
    Opportunity.objects.create(
        id="op_1", name="Okonkwo rollover", book=firm.harbor, pipeline=firm.prospects, stage=firm.lead,
        first_seen_at=now, seen_at=now, created_at=now,
    )  # fmt: skip

    signed_in(owner).post("/opportunities/op_1/edit/", {"redraw": "1"})
    caches["process"].clear()
    signed_in(owner).post("/opportunities/op_1/move/", {"pipeline_stage_id": "nowhere"})

    assert noted("action", "object_type", "object_id") == [
        ("client_data.viewed", "edit", "op_1"),
        ("client_data.viewed", "move", "op_1"),
    ]


def test_what_is_out_of_reach_is_noted_like_what_never_was(
    deal: str, outsider: Person, signed_in: SignIn
) -> None:
    client = signed_in(outsider)
    client.get(deal)
    client.get(f"/submissions/{uuid4()}/")
    client.post(f"{deal}withdraw/")

    assert noted("action", "object_type", "outcome", "reason_code") == [
        ("access.denied", "submission", "refused", "out_of_reach"),
        ("access.denied", "submission", "refused", "out_of_reach"),
        ("access.denied", "withdraw", "refused", "out_of_reach"),
    ]


def test_a_page_not_of_ones_role_is_noted(firm: Firm, owner: Person, signed_in: SignIn) -> None:
    signed_in(owner).get("/settings/people/")

    assert noted("action", "object_type", "reason_code") == [("access.denied", "people", "role")]


def test_people_without_a_group_are_noted_at_the_door(stranger: Person, signed_in: SignIn) -> None:
    client = signed_in(stranger)
    client.get("/submissions/")
    client.get("/submissions/")

    assert noted("action", "reason_code") == [("access.denied", "no_group")]


def test_a_forged_form_is_noted(owner: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    client.post("/settings/mine/", {"theme": "dark"})

    assert noted("action", "reason_code") == [("access.denied", "forged_form")]


def test_addresses_that_do_not_exist_and_visitors_are_not(
    client: Client, owner: Person, signed_in: SignIn
) -> None:
    client.get(f"/submissions/{uuid4()}/")
    signed_in(owner).get("/no-such-page/")

    assert noted() == []


def test_an_event_from_before_the_clock_was_set_back_stands_for_no_other(
    deal: str, owner: Person, signed_in: SignIn, later: Later
) -> None:
    signed_in(owner).get(deal)
    later(-120)
    caches["process"].clear()
    signed_in(owner).get(deal)

    assert AuditEvent.objects.filter(action="client_data.viewed").count() == 2
