"""Who reaches what: every role, every route of the URLconf, an object in one's own book, in another book, and
in none.

A later view is covered unasked. If it has parameters of a new kind, or is not for everybody, a test here
fails and says which line to add.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.cache import caches
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from opportunities.actions import form_tokens, refusals, submissions
from opportunities.clock import SystemClock
from opportunities.delivery.kinds import DealChanges
from opportunities.models import AuditEvent, Household, Kind, Opportunity, Person, State, Submission
from opportunities.selectors.reports.registry import REPORTS
from opportunities.trail.audit import Actor
from opportunities.views import limits
from tests.support.people import Firm

from .test_closed_by_default import OPEN
from .walk import Route, routes

ROLES = ("owner", "colleague", "viewer", "outsider", "manager", "compliance")


def _pages(route: Route) -> list[Route]:
    """A report is a page of its own for each name; all workbooks are reached alike."""
    if route.params != ("slug",):
        return [route]
    slugs = ("overview",) if route.name.endswith("xlsx") else tuple(REPORTS)
    return [replace(route, path=reverse(route.name, args=[slug]), params=()) for slug in slugs]


CLOSED = [page for route in routes() if route.name not in OPEN for page in _pages(route)]
PLAIN = [route for route in CLOSED if not route.params]
OBJECTS = [route for route in CLOSED if route.params]

# Pages that are not for everybody who came in. All others answer every role.
FOR = {
    "opportunities:new": {"owner", "colleague", "viewer", "outsider", "manager"},
    "opportunities:bulk": {"owner", "colleague", "viewer", "outsider", "manager"},
    "opportunities:edit": {"owner", "colleague", "viewer", "outsider", "manager"},
    "opportunities:move": {"owner", "colleague", "viewer", "outsider", "manager"},
    "opportunities:new_fields": {"owner", "colleague", "viewer", "outsider", "manager"},
    "opportunities:submissions_review": {"manager"},
    "opportunities:decide": {"manager"},
    "opportunities:sending": {"manager"},
    "opportunities:stages": {"manager"},
    "opportunities:targets": {"manager"},
    "opportunities:people": {"manager"},
    "opportunities:audit": {"manager", "compliance"},
    "opportunities:audit_export": {"manager", "compliance"},
}
# The meaning of a route's parameters, by the first part of its path.
KINDS = {"submissions": ("id",), "opportunities": ("id",), "board": ("pipeline", "stage")}
# Whoever may see the thing of that kind in Harbor, made by the owner, and in Summit, made by the outsider.
SEES = {
    ("submissions", "harbor"): {"owner", "manager", "compliance"},
    ("submissions", "summit"): {"outsider", "manager", "compliance"},
    ("opportunities", "harbor"): {"owner", "colleague", "viewer", "manager", "compliance"},
    ("opportunities", "summit"): {"outsider", "manager", "compliance"},
    # The pipeline is the whole company's: who sees it sees their own deals in it.
    ("board", "harbor"): set(ROLES),
    ("board", "summit"): {"outsider", "manager", "compliance"},
}
CANARY = "Zanzibar"


@dataclass
class World:
    people: dict[str, Person]
    things: dict[tuple[str, str], str]

    def client(self, role: str) -> Client:
        client = Client(raise_request_exception=True)
        client.force_login(self.people[role])
        return client


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pages say how many seconds old their data is; two answers are compared letter by letter.

    And every twentieth page, whatever it is of, takes one step more: the count of pages.
    """
    monkeypatch.setattr(limits, "PAGES_AT_ONCE", 1_000_000)
    with time_machine.travel(datetime.now(UTC), tick=False):
        yield


@pytest.fixture
def world(
    firm: Firm,
    owner: Person,
    colleague: Person,
    viewer: Person,
    outsider: Person,
    manager: Person,
    compliance: Person,
    settings: Any,
) -> World:
    """Everything in Summit carries a word that nobody of Harbor may ever read."""
    settings.VIEW_WAIT_SECONDS = 0
    for thing in (firm.summit, firm.summit_only, firm.onboarding, firm.alder):
        thing.name = f"{CANARY} {thing.name}"
        thing.save()
    firm.summit.members.update(first_name=CANARY)
    outsider.name = f"{CANARY} Otto"
    outsider.save()
    now = datetime.now(UTC)
    things: dict[tuple[str, str], str] = {}
    for where, person, book, pipeline, stage, household, name in (
        ("harbor", owner, firm.harbor, firm.prospects, firm.lead, firm.okonkwo, "Okonkwo rollover"),
        ("summit", outsider, firm.summit, firm.summit_only, firm.onboarding, firm.alder, f"{CANARY} deal"),
    ):
        submission = Submission.objects.create(
            kind="create",
            state=State.REVIEW,
            person=person,
            by_display=person.display,
            body="{}",
            book_id=book.pk,
            household_id=household.pk,
            name=name,
            value=1_000,
            reference=f"SW-{where}",
            form_token=where,
            labels={"book": book.name, "household": household.name},
            created_at=now,
        )
        deal = Opportunity.objects.create(
            id=f"op_{where}",
            name=name,
            book=book,
            pipeline=pipeline,
            stage=stage,
            household=household,
            value=1_000,
            assigned_to_name=person.name,
            first_seen_at=now,
            seen_at=now,
            created_at=now,
        )
        things["submissions", where], things["opportunities", where] = str(submission.pk), deal.pk
        things["board", where] = f"{pipeline.pk}/{stage.pk}"
    things["submissions", "nowhere"], things["opportunities", "nowhere"] = str(uuid4()), "op_nowhere"
    things["board", "nowhere"] = "pl_nowhere/st_nowhere"
    people = dict(zip(ROLES, (owner, colleague, viewer, outsider, manager, compliance), strict=True))
    return World(people, things)


def kind_of(route: Route) -> str:
    return route.path.split("/")[1]


def address(route: Route, world: World, where: str) -> str:
    parts = world.things[kind_of(route), where].split("/")
    return reverse(route.name, kwargs=dict(zip(route.params, parts, strict=True)))


def body(response: HttpResponse) -> str:
    """What is said, without the tokens that differ from answer to answer."""
    return re.sub(r'(value="|X-CSRFToken": "|data-idle="|data-whatever=")[A-Za-z0-9]+', r"\1", response.text)


def held_in(response: HttpResponse) -> str:
    """Everything an answer holds; a file is streamed."""
    if response.streaming:
        return b"".join(response.streaming_content).decode(errors="replace")  # type: ignore[attr-defined]
    return response.content.decode(errors="replace")


def named(route: Route) -> str:
    return f"{route.name}-{kind_of_report}" if (kind_of_report := _report_of(route)) else route.name


def _report_of(route: Route) -> str:
    return route.path.split("/")[2].split(".")[0] if route.path.startswith("/reports/") else ""


def test_every_parameter_is_of_a_kind_we_know() -> None:
    unknown = [route.path for route in OBJECTS if KINDS.get(kind_of(route)) != route.params]

    assert unknown == [], "teach KINDS, SEES and `world` what these routes are about"


@pytest.mark.parametrize("route", PLAIN, ids=named)
def test_pages_answer_the_roles_they_are_for(world: World, route: Route) -> None:
    for role in ROLES:
        status = world.client(role).get(route.path).status_code

        if role in FOR.get(route.name, ROLES):
            assert status in (200, 204, 302, 405), f"{role}: not for every role? Then say for whom in FOR"
        else:
            assert status == 403, role


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", OBJECTS, ids=named)
def test_out_of_reach_is_unknown(world: World, route: Route, role: str) -> None:
    for method in ("get", "post"):
        for headers in ({}, {"HX-Request": "true"}):
            nothing_tells_them_apart(world, route, role, method, headers)


def nothing_tells_them_apart(
    world: World, route: Route, role: str, method: str, headers: dict[str, str]
) -> None:
    def ask(where: str) -> tuple[HttpResponse, int]:
        """Asked twice: the first refusal is an event of the trail."""
        for _ in range(2):
            client = world.client(role)
            caches["process"].clear()
            with CaptureQueriesContext(connection) as queries:
                response = getattr(client, method)(address(route, world, where), headers=headers)
                steps = len(queries)
        return response, steps

    unknown, its_steps = ask("nowhere")
    if role not in FOR.get(route.name, ROLES):
        assert unknown.status_code in (403, 405), (method, headers)
    for where in ("harbor", "summit"):
        answer, steps = ask(where)
        if role in SEES[kind_of(route), where]:
            assert answer.status_code != 404, (method, headers)
            continue
        assert answer.status_code == unknown.status_code, (method, headers)
        assert body(answer) == body(unknown), (method, headers)
        # As many steps for a thing out of reach as for none: nothing to tell them apart by the clock.
        assert steps == its_steps, (method, headers)


def asked_for_other_books(world: World, role: str) -> list[tuple[str, dict[str, str]]]:
    """Query strings and headers. One person tries each name alone, as a page, and beside a book of their own,
    as a fragment; the others all names at once, since what differs between them is who they are.
    """
    foreign = {
        "book_id": "bk_summit",
        "household_id": "hh_alder",
        "pipeline_id": "pl_summit",
        "pipeline_stage_id": "st_summit",
        "assigned_to_id": "us_outsider",
        "book": "bk_summit",
        "owner": "us_outsider",
        "pipeline": "pl_summit",
        "household": "hh_alder",
        "from": world.things["submissions", "summit"],
        "before": world.things["submissions", "summit"],
        "after": world.things["opportunities", "summit"],
        "id": world.things["opportunities", "summit"],
        "q": CANARY[:4],
    }
    page: dict[str, str] = {}
    fragment = {"HX-Request": "true"}
    together = "&".join(f"{name}={value}" for name, value in foreign.items() if name != "from")
    asked = [("", page), ("", fragment), (together, page), (together, fragment)]
    if role == "owner":
        asked += [(f"{name}={value}", page) for name, value in foreign.items()]
        asked += [
            (f"book_id=bk_harbor&{name}={value}", fragment)
            for name, value in foreign.items()
            if name != "book_id"
        ]
    return asked


@pytest.mark.parametrize("role", ["owner", "colleague", "viewer"])
@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_no_answer_ever_holds_a_word_of_another_book(world: World, route: Route, role: str) -> None:
    client = world.client(role)
    places = ["harbor", "summit", "nowhere"] if route.params else [""]
    for where in places:
        path = address(route, world, where) if where else route.path
        # Beside a thing that is refused as a whole, all names at once will do.
        asked = asked_for_other_books(world, role if where in ("", "harbor") else "")
        for query, headers in asked:
            page = client.get(f"{path}?{query}", headers=headers)
            assert CANARY not in held_in(page), f"{path}?{query}"
            assert CANARY not in str(page.headers)


@pytest.mark.parametrize("role", ["owner", "colleague", "viewer"])
@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_no_refusal_ever_holds_a_word_of_another_book(world: World, route: Route, role: str) -> None:
    client = world.client(role)
    foreign = {"pipeline_id": "pl_summit", "pipeline_stage_id": "st_summit", "household_id": "hh_alder"}
    for book in ("bk_harbor", "bk_summit"):
        for where in ("harbor", "summit") if route.params else ("",):
            path = address(route, world, where) if where else route.path
            form = foreign | {
                "book_id": book,
                "assigned_to_id": "us_outsider",
                "name": "x",
                "decision": "link",
            }
            form["form_token"] = form_tokens.issue_token(world.people[role])
            form["supersedes"] = world.things["submissions", "summit"]
            form["opportunity_id"] = world.things["opportunities", "summit"]
            assert CANARY not in held_in(client.post(path, form))


def test_what_a_form_says_was_seen_names_nobody_of_another_book(world: World) -> None:
    client = world.client("owner")
    Opportunity.objects.update(assigned_to_id="us_owner", assigned_to_name="Olivia Owner")
    opened = client.get("/opportunities/op_harbor/edit/").context["form"].initial
    form = opened | {"assigned_to_id": "us_colleague", "seen_assigned_to_id": "us_outsider"}

    page = client.post("/opportunities/op_harbor/edit/", form)

    assert (page.status_code, "id_confirm_overwrite" in page.text) == (422, True)
    assert CANARY not in page.text


def test_a_similar_deal_of_another_book_is_not_asked_about(world: World) -> None:
    """Neither a submission of ours nor a record of Slant's: without a household both would be equal."""
    now, deal = datetime.now(UTC), {"name": "A new deal", "value": 640_000, "household_id": ""}
    Submission.objects.create(
        **deal,
        kind="create",
        state=State.CONFIRMED,
        person=world.people["outsider"],
        by_display=CANARY,
        body="{}",
        book_id="bk_summit",
        reference="SW-similar",
        form_token="similar",
        opportunity_id="op_similar",
        created_at=now,
    )
    Opportunity.objects.create(
        id="op_similar", **deal | {"household_id": None}, book_id="bk_summit", pipeline_id="pl_prospects",
        stage_id="st_lead", assigned_to_name=CANARY, first_seen_at=now, seen_at=now, created_at=now,
    )  # fmt: skip
    form = {"name": "A new deal", "value": "640000", "book_id": "", "pipeline_id": "pl_prospects"}

    def sent(role: str, book: str, owner: str) -> list[HttpResponse]:
        filled = form | {"book_id": book, "assigned_to_id": owner, "pipeline_stage_id": "st_lead"}
        filled["form_token"] = form_tokens.issue_token(world.people[role])
        client = world.client(role)
        fields = client.post("/opportunities/new/fields/", filled, headers={"HX-Request": "true"})
        return [fields, client.post("/opportunities/new/", filled)]

    answers = sent("owner", "bk_harbor", "us_owner")
    assert [answer.status_code for answer in answers] == [200, 303]
    assert CANARY not in "".join(answer.text for answer in answers)
    assert sent("outsider", "bk_summit", "us_outsider")[1].status_code == 422, "who may know of it is asked"


WRITES = {
    "owner": {"bk_harbor"},
    "colleague": {"bk_harbor"},
    "viewer": set(),
    "outsider": {"bk_summit"},
    "manager": {"bk_harbor", "bk_summit"},
    "compliance": set(),
}


@pytest.mark.parametrize("book", ["bk_harbor", "bk_summit", "bk_archive", "bk_nowhere"])
@pytest.mark.parametrize("role", ROLES)
def test_nobody_writes_into_a_book_they_cannot_write_to(world: World, role: str, book: str) -> None:
    """Archive is a book the token itself only views: it is read-only for all, its principal included."""
    before = Submission.objects.count()
    owners = {"bk_summit": "us_outsider"}
    form = {
        "book_id": book,
        "name": "A new deal",
        "pipeline_id": "pl_prospects",
        "pipeline_stage_id": "st_lead",
        "assigned_to_id": owners.get(book, "us_owner"),
        "form_token": form_tokens.issue_token(world.people[role]),
    }

    response = world.client(role).post("/opportunities/new/", form)

    allowed = book in WRITES[role]
    assert Submission.objects.count() == before + allowed
    assert response.status_code == 303 if allowed else response.status_code in (200, 403, 422)


def test_nobody_changes_a_deal_they_cannot_write_to_whichever_page_forgets_to_ask(
    world: World, firm: Firm
) -> None:
    Opportunity.objects.filter(pk="op_summit").update(book=firm.archive)
    taken = set()
    for role, id in product(ROLES, ("op_harbor", "op_summit", "op_nowhere")):
        person = world.people[role]
        try:
            submissions.change(
                changes=DealChanges(id, {"name": "Mine now"}, {"name": "x"}), kind=Kind.EDIT, person=person,
                by=Actor.of(person), clock=SystemClock(), form_token=form_tokens.issue_token(person),
                confirm_overwrite=True,
            )  # fmt: skip
            taken.add((role, id))
        except refusals.NotAllowed:
            pass

    assert taken == {(role, "op_harbor") for role in ("owner", "colleague", "manager")}


@pytest.mark.parametrize("role", ["compliance", "viewer"])
@pytest.mark.parametrize("route", CLOSED, ids=named)
def test_who_only_reads_changes_nothing(world: World, route: Route, role: str) -> None:
    """Their own appearance and their own session aside."""
    before = list(Submission.objects.order_by("pk").values()), list(Household.objects.order_by("pk").values())
    form = {
        "book_id": "bk_harbor",
        "name": "A new deal",
        "pipeline_id": "pl_prospects",
        "assigned_to_id": "us_owner",
        "form_token": form_tokens.issue_token(world.people[role]),
        "decision": "close",
        "reason": "because",
        "opportunity_id": "op_harbor",
        "pipeline_stage_id": "st_lead",
        "seen_pipeline_stage_id": "st_lead",
        "id": "op_harbor",
        "person": str(world.people["owner"].pk),
        "member_id": "us_outsider",
        "action": "stop",
        "stop": "yes",
        "mischief": "down",
    }
    if route.name == "opportunities:demo_misbehave":
        pytest.skip("the demo's own switchboard, which everybody may play with")
    paths = [address(route, world, where) for where in ("harbor", "summit")] if route.params else [route.path]

    for path in paths:
        world.client(role).post(path, form)

    after = list(Submission.objects.order_by("pk").values()), list(Household.objects.order_by("pk").values())
    assert after == before
    assert not Person.objects.filter(member_linked_by__gt="").exists()
    assert set(AuditEvent.objects.values_list("action", flat=True)) <= {"access.denied"}


def test_a_manager_sees_every_book_but_writes_where_the_token_may(world: World, firm: Firm) -> None:
    page = world.client("manager").get("/opportunities/new/").text

    assert (CANARY in page, "Archive" in page) == (True, False)
