"""Whatever Slant sends stays text: no payload adds an element or an attribute to any page or fragment.

Each page is drawn once with plain words in the place of every text of Slant and once with a payload there;
the two must have the same elements with the same attributes in the same order.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from opportunities.actions import form_tokens
from opportunities.models import (
    Alert,
    Attempt,
    Book,
    Household,
    Member,
    Opportunity,
    Person,
    Pipeline,
    Stage,
    State,
    Submission,
)
from tests.support.environment import ROOT
from tests.support.people import Firm

from .payloads import SCRIPTS, chunks

PLAIN = "Plain words"
TARGETS = ("href", "src", "action", "formaction", "hx-get", "hx-post", "data-ask")
NEW = "/opportunities/new/"
CHOSEN = "book_id=bk_harbor&pipeline_id=pl_prospects&household_id=hh_okonkwo&pipeline_stage_id=st_lead"


class Structure(HTMLParser):
    """Elements and the names of their attributes; what is said, and in which values, is left out."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.targets: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))
        self.targets |= {value or "" for name, value in attrs if name in TARGETS}

    def handle_comment(self, data: str) -> None:
        self.seen.append(("comment", ()))


STATES = [
    State.QUEUED,
    State.SENDING,
    State.UNKNOWN,
    State.REVIEW,
    State.CONFIRMED,
    State.REJECTED,
    State.WITHDRAWN,
]


@dataclass
class Firmful:
    """A firm in which every text that comes from Slant, or was typed, is the one given."""

    owner: Person
    manager: Person
    rows: list[Submission] = field(default_factory=list)

    @contextmanager
    def saying(self, text: str) -> Iterator[None]:
        """Made for the block and undone after it: what was asked for cannot be changed, nor deleted."""
        with transaction.atomic():
            self._say(text)
            yield
            transaction.set_rollback(True)

    def _say(self, text: str) -> None:
        now = datetime.now(UTC)
        Book.objects.update(name=text)
        Member.objects.update(first_name=text, last_name=text, email=text[:200])
        Pipeline.objects.update(name=text)
        Stage.objects.update(name=text)
        Household.objects.update(name=text)
        Person.objects.update(name=text[:200])
        Alert.objects.create(cause="c", text=text, opened_at=now)
        body = {
            "book_id": "bk_harbor",
            "name": text,
            "value": 1_000,
            "household_id": "hh_okonkwo",
            "assigned_to_id": "u",
        }
        labels = dict.fromkeys(("book", "household", "household_kind", "pipeline", "stage", "owner"), text)
        self.rows = [
            Submission.objects.create(
                kind="create",
                state=state,
                person=self.owner,
                body=json.dumps(body),
                book_id="bk_harbor",
                name=text,
                value=1_000,
                reference=f"SW-{state}",
                form_token=f"t-{state}",
                created_at=now,
                by_display=text[:200],
                household_id="hh_okonkwo",
                opportunity_id="op_1" if state == State.CONFIRMED else "",
                labels=labels,
                reason_text=text,
                reason_code="rejected",
                mismatches=["name"],
                field_errors={"name": [text], "owner_id": text, text: [text]},
            )
            for state in STATES
        ]
        for row in self.rows:
            Attempt.objects.create(
                submission=row,
                number=1,
                idempotency_key=uuid4(),
                generation=1,
                method="POST",
                path="/opportunities",
                fence=1,
                worker="w",
                started_at=now,
                lease_until=now,
                outcome="rejected",
                message=text,
                remote_request_id=text,
                answer={"name": text},
                finished_at=now,
                status=422,
                elapsed_ms=100,
            )
        Opportunity.objects.create(
            id="op_1",
            book_id="bk_harbor",
            pipeline_id="pl_prospects",
            stage_id="st_lead",
            assigned_to_name=text,
            household_id="hh_okonkwo",
            name=text,
            first_seen_at=now,
            seen_at=now,
            created_at=now,
            custom_fields={"lead_source": text, text: [text, {text: text}]},
        )


PAGES: list[tuple[str, str, str]] = [
    ("owner", "get", NEW),
    ("owner", "get", f"{NEW}?{CHOSEN}"),
    ("owner", "get", f"{NEW}fields/?{CHOSEN}"),
    ("owner", "get", "/households/?q="),
    ("owner", "get", "/households/?q=&book_id=bk_harbor"),
    ("owner", "get", "/submissions/"),
    ("owner", "submission", ""),
    ("owner", "submission fragment", ""),
    ("owner", "correct", ""),
    ("owner", "refused", NEW),
    ("owner", "duplicate", NEW),
    ("owner", "get", "/opportunities/op_1/"),
    ("owner", "get", "/opportunities/op_1/edit/"),
    ("owner", "get", "/opportunities/op_1/move/"),
    ("owner", "get", "/board/?pipeline=pl_prospects"),
    ("owner", "get", "/board/?view=list&pipeline=pl_prospects"),
    ("manager", "get", "/submissions/"),
    ("manager", "submission", ""),
    ("manager", "get", "/submissions/review/"),
    ("manager", "get", "/settings/people/"),
    ("manager", "get", "/settings/sending/"),
    ("manager", "get", "/settings/stages/"),
    ("manager", "get", "/settings/targets/"),
    ("manager", "get", "/reports/ageing/"),
    ("manager", "get", "/reports/owners/"),
    ("manager", "get", "/reports/data-quality/"),
    ("manager", "get", "/audit/"),
    ("manager", "get", NEW),
    ("manager", "missing", "/no/such/page/"),
]


@pytest.fixture
def firmful(firm: Firm, owner: Person, manager: Person, settings: Any) -> Firmful:
    settings.VIEW_WAIT_SECONDS = 0
    return Firmful(owner, manager)


def drawn(firmful: Firmful, who: str, how: str, path: str, text: str, number: int) -> str:
    """The page; of submissions, the one in state `number`."""
    person = getattr(firmful, who)
    client = Client()
    client.force_login(person)
    form = {
        "book_id": "bk_harbor",
        "name": text,
        "value": "1000",
        "pipeline_id": "pl_prospects",
        "household_id": "hh_okonkwo",
        "assigned_to_id": "us_owner",
        "form_token": form_tokens.issue_token(person),
    }
    row = firmful.rows[number]
    match how:
        case "submission":
            return client.get(f"/submissions/{row.pk}/").text
        case "submission fragment":
            return client.get(f"/submissions/{row.pk}/", headers={"HX-Request": "true"}).text
        case "correct":
            rejected = next(row for row in firmful.rows if row.state == State.REJECTED)
            return client.get(f"{NEW}?from={rejected.pk}").text
        case "refused":
            typed = form | {"value": text, "probability": text, "target_close_date": text, "q": text}
            return client.post(path, typed).text
        case "duplicate":
            return client.post(path, form | {"name": " ".join(text.split())}).text
        case "missing":
            return client.get(path + text.encode().hex()).text
        case _:
            return client.get(path).text


def test_there_are_fifty() -> None:
    assert len(set(SCRIPTS)) == len(SCRIPTS) >= 50
    assert " ".join(chunks()) == " ".join(SCRIPTS)


@pytest.mark.parametrize(("who", "how", "path"), PAGES, ids=lambda part: str(part) or None)
def test_no_payload_becomes_markup(firmful: Firmful, who: str, how: str, path: str) -> None:
    with firmful.saying(PLAIN):
        plain = [
            Structure(drawn(firmful, who, how, path, PLAIN, number)).seen for number in range(len(STATES))
        ]
        assert PLAIN in drawn(firmful, who, how, path, PLAIN, 0) or how == "missing"

    for number, payload in enumerate(chunks()):
        with firmful.saying(payload):
            page = drawn(firmful, who, how, path, payload, number % len(STATES))
        found = Structure(page)
        assert found.seen == plain[number % len(STATES)], payload
        assert not [target for target in found.targets if not re.match(r"(/(?!/)|\?|#|$)", target)], payload
        assert "<script>alert" not in page


@pytest.mark.parametrize("payload", SCRIPTS[:10])
def test_messages_stay_text(firmful: Firmful, payload: str) -> None:
    client = Client()
    client.force_login(firmful.owner)
    with firmful.saying(payload):
        page = client.post(f"/submissions/{firmful.rows[0].pk}/withdraw/", follow=True).text

    assert "withdrawn" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
FRAGMENTS = [path for path in TEMPLATES if "partials" in path.parts and path.name != "head.html"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_marks_text_as_safe_or_carries_script_or_style(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"\|\s*safe\b|autoescape\s+off|safeseq|mark_safe", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|\bjs:", text, re.IGNORECASE)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text, re.IGNORECASE)


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.name)
def test_no_fragment_carries_a_script(path: Path) -> None:
    assert "<script" not in path.read_text().lower()


def test_nothing_in_the_code_marks_text_as_safe() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in ("opportunities", "slantweb")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"mark_safe|SafeString\(|format_html_join|innerHTML", path.read_text())
    ]

    assert found == []
