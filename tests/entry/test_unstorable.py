"""NUL, which PostgreSQL stores in no text: whatever a browser puts it into, it never reaches the database."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from opportunities.actions import form_tokens
from opportunities.models import Opportunity, Person, State, Submission
from tests.support.people import Firm

from .conftest import SignIn

pytestmark = pytest.mark.django_db

SELECTION = (
    "pipeline",
    "stage",
    "book",
    "owner",
    "q",
    "household",
    "min",
    "close",
    "missing",
    "ids",
    "view",
    "moved",
)
TYPED = ("book_id", "household_id", "name", "value", "target_close_date", "pipeline_id", "pipeline_type",
         "pipeline_stage_id", "assigned_to_id", "q", "name_suggested", "from", "changed")  # fmt: skip
REPORT = ("period", "was", "book", "team", "pipeline", "owner", "by", "show", "day", "from", "to")
TRAIL = ("q", "who", "what", "outcome", "saw", "object", "since", "before", "format")
DEAL = "/opportunities/op_1/"

READ: list[tuple[str, tuple[str, ...]]] = [
    ("/board/", SELECTION),
    ("/board/?view=list&", ("sort", "after", "shown", "pipeline")),
    ("/board/pl_prospects/st_lead/", ("after", "shown", "owner")),
    ("/board/changes/?pipeline=pl_prospects&", ("since", "owner")),
    ("/board/filters/", SELECTION),
    ("/board/views/", SELECTION),
    ("/opportunities.csv", SELECTION),
    ("/opportunities/new/", TYPED),
    ("/opportunities/new/fields/", TYPED),
    ("/households/", ("q", "book_id")),
    (DEAL, ("moved",)),
    (f"{DEAL}edit/", TYPED),
    (f"{DEAL}move/", ("pipeline_stage_id", "lost_reason", "probability", "next")),
    ("/opportunities/bulk/", ("sent", "seen")),
    ("/submissions/", ("state", "before")),
    ("/audit/", TRAIL),
    ("/audit/export/", TRAIL),
    ("/reports/forecast/", REPORT),
    ("/reports/overview/?show=won&", REPORT),
]  # fmt: skip
SEEN = tuple(f"seen_{name}" for name in ("name", "household_id", "value", "assigned_to_id"))
SENT: list[tuple[str, tuple[str, ...], dict[str, str]]] = [
    ("/board/", SELECTION, {}),
    ("/board/views/", ("name", "query", "delete"), {"name": "Mine", "query": "owner=me"}),
    ("/opportunities/new/", (*TYPED, "form_token", "supersedes", "after"), {}),
    (f"{DEAL}edit/", (*TYPED, *SEEN, "deal", "supersedes", "form_token"), {"name": "Other", "deal": "op_1"}),
    (f"{DEAL}edit/", (*TYPED, *SEEN), {"name": "Other", "seen_name": "Else", "confirm_overwrite": "yes"}),
    (f"{DEAL}edit/", SEEN, {"name": "Okonkwo", "household_id": "hh_okonkwo", "assigned_to_id": "us_owner"}),
    (f"{DEAL}edit/", (*TYPED, *SEEN, "deal"), {"redraw": "household"}),
    (
        f"{DEAL}move/",
        (
            "pipeline_stage_id",
            "seen_pipeline_stage_id",
            "probability",
            "seen_probability",
            "lost_reason",
            "next",
            "form_token",
            "row",
            "undo",
        ),
        {"pipeline_stage_id": "st_qualified", "seen_pipeline_stage_id": "st_lead", "probability": "40"},
    ),
    (
        "/opportunities/bulk/",
        ("id", "pipeline_stage_id", "assigned_to_id", "lost_reason", "ask", "shown_at", "list", "form_token"),
        {"id": "op_1", "pipeline_stage_id": "st_qualified"},
    ),
    ("/settings/mine/", ("theme", "shortcuts"), {}),
    ("/settings/people/", ("person", "member_id"), {}),
    ("/settings/sending/", ("do", "reason"), {"do": "hold", "reason": "x"}),
    ("/settings/stages/", ("stage", "meaning", "stale_after_days"), {"stage": "st_lead", "meaning": "open"}),
    (
        "/submissions/{review}/decide/",
        ("decision", "opportunity_id", "reason"),
        {"decision": "link", "opportunity_id": "op_found", "reason": "x"},
    ),
]


def refuse_nul(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """What PostgreSQL does by itself, on any database."""
    told = repr(params)
    written = [way for way in ("\\x00", "\\\\u0000") if way in told]
    assert not written, f"NUL reaches the database: {sql[:200]} {told}"
    return execute(sql, params, many, context)


@pytest.fixture
def deal(firm: Firm) -> Opportunity:
    now = timezone.now()
    return Opportunity.objects.create(
        id="op_1",
        name="Okonkwo",
        book=firm.harbor,
        pipeline=firm.prospects,
        stage=firm.lead,
        household=firm.okonkwo,
        assigned_to_id="us_owner",
        value=1_000,
        first_seen_at=now,
        seen_at=now,
        created_at=now,
    )


@pytest.fixture
def review(owner: Person, deal: Opportunity) -> Submission:
    return Submission.objects.create(
        reference="SW-1",
        kind="create",
        state=State.REVIEW,
        person=owner,
        by_display="Olivia",
        book_id="bk_harbor",
        body='{"name": "Okonkwo", "book_id": "bk_harbor"}',
        name="Okonkwo",
        form_token="t",
        created_at=timezone.now(),
    )


@pytest.fixture(params=["owner", "manager"])
def person(request: pytest.FixtureRequest, settings: Any) -> Person:
    settings.VIEW_WAIT_SECONDS = 0
    found: Person = request.getfixturevalue(request.param)
    found.member_id = "us_owner"
    found.save()
    return found


@pytest.fixture
def inside(person: Person, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("opportunities.views.limits.spend", lambda request, limits: 0)
    client = signed_in(person)
    with connection.execute_wrapper(refuse_nul):
        yield client


@pytest.mark.parametrize(("path", "names"), READ, ids=[path for path, _ in READ])
def test_no_address_brings_nul_to_the_database(
    inside: Client, deal: Opportunity, path: str, names: tuple[str, ...]
) -> None:
    for name in names:
        for text in ("%00", "1~%00", "1~op%00_1"):
            response = inside.get(f"{path}{'' if '?' in path else '?'}{name}={text}")
            # Streamed answers ask while they are read.
            b"".join(response.streaming_content) if response.streaming else response.content
            assert response.status_code < 500, (name, text)


@pytest.mark.parametrize(
    ("path", "names", "around"), SENT, ids=lambda part: part if isinstance(part, str) else ""
)
def test_no_form_brings_nul_to_the_database(
    inside: Client,
    person: Person,
    review: Submission,
    path: str,
    names: tuple[str, ...],
    around: dict[str, str],
) -> None:
    for name in names:
        for text in ("\0", "op\0_1"):
            form = {"form_token": form_tokens.issue_token(person)} | around | {name: text}
            response = inside.post(path.format(review=review.pk), form)
            assert response.status_code < 500, (name, text)
