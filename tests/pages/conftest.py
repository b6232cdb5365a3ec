"""A browser without scripts for each person, and the form they would send."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from opportunities.actions import form_tokens
from opportunities.models import Attempt, Person, State, Submission
from tests.support.people import Firm

Fill = Callable[..., dict[str, str]]
Make = Callable[..., Submission]


@pytest.fixture
def browse() -> Callable[[Person], Client]:
    def signed_in(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return signed_in


@pytest.fixture
def fill(firm: Firm) -> Fill:
    """A form with all fields valid, with the given values replacing them; None leaves a field out."""

    def filled(person: Person, **changed: str | None) -> dict[str, str]:
        fields: dict[str, Any] = {
            "book_id": firm.harbor.pk,
            "household_id": firm.okonkwo.pk,
            "name": "Okonkwo rollover",
            "value": "640,000",
            "probability": "",
            "target_close_date": in_days(60),
            "pipeline_id": firm.prospects.pk,
            "pipeline_type": "",
            "pipeline_stage_id": firm.qualified.pk,
            "assigned_to_id": "us_owner",
            "form_token": form_tokens.issue_token(person),
        }
        return {name: value for name, value in (fields | changed).items() if value is not None}

    return filled


@pytest.fixture
def sent(owner: Person, firm: Firm) -> Callable[..., Submission]:
    """A submission of the owner in any state, as the worker would have left it."""

    def make(
        state: str = State.QUEUED, *, person: Person = owner, outcome: str = "", **fields: Any
    ) -> Submission:
        body = {
            "book_id": "bk_harbor",
            "name": fields.get("name", "Okonkwo rollover"),
            "value": 640_000,
            "probability": 40,
            "target_close_date": "2030-01-22T00:00:00Z",
            "household_id": "hh_okonkwo",
            "assigned_to_id": "us_owner",
        }
        given = {
            "reference": f"SW-{uuid4().hex[:10]}",
            "kind": "create",
            "state": state,
            "person": person,
            "by_display": person.display,
            "body": json.dumps(body),
            "book_id": "bk_harbor",
            "name": body["name"],
            "value": 640_000,
            "labels": {"book": "Harbor", "household": "Okonkwo", "stage": "Lead", "owner": "Olivia Owner"},
            "form_token": uuid4().hex,
            "created_at": now() - timedelta(seconds=2),
            "opportunity_id": f"op_{uuid4().hex[:8]}" if state == State.CONFIRMED else "",
        }
        row = Submission.objects.create(**given | fields)
        if outcome:
            Attempt.objects.create(
                submission=row,
                number=1,
                idempotency_key=uuid4(),
                generation=1,
                method="POST",
                path="/opportunities",
                fence=1,
                worker="w",
                started_at=now(),
                lease_until=now(),
                finished_at=now(),
                outcome=outcome,
                status=429,
                message="Too many requests",
                elapsed_ms=612,
                remote_request_id="req_1",
                answer={"probability": 30},
            )
        return row

    return make


@pytest.fixture(autouse=True)
def _nobody_waits(settings: Any) -> None:
    """Turn off waiting, because no worker runs here."""
    settings.VIEW_WAIT_SECONDS = 0


def in_days(days: int) -> str:
    return (timezone.now().date() + timedelta(days=days)).isoformat()


def now() -> datetime:
    return datetime.now(UTC)


class Page(HTMLParser):
    """Access to a page for tests: elements by id, with their attributes and text."""

    VOID = {"input", "meta", "link", "hr", "br", "img", "use", "path"}

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.text = response.content.decode()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_data(" ")
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in self.VOID:
            self._open.append((tag, given.get("id", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        for _, id in self._open:
            if id:
                self.words[id] = self.words.get(id, "") + data

    def said(self, id: str) -> str:
        """The text of the element `id`, in one line."""
        return " ".join(self.words.get(id, "").split())

    def by_id(self, id: str) -> dict[str, str]:
        return next((attrs for _, attrs in self.elements if attrs.get("id") == id), {})

    def first(self, tag: str) -> dict[str, str]:
        return next((attrs for name, attrs in self.elements if name == tag), {})

    def value(self, name: str) -> str:
        """The value that the field `name` would send."""
        carrier = ""
        for tag, attrs in self.elements:
            if tag in ("input", "select") and attrs.get("name") == name:
                carrier = tag
                if tag == "input" and (attrs.get("type") != "radio" or "checked" in attrs):
                    return attrs.get("value", "")
            elif tag == "option" and carrier == "select":
                if "selected" in attrs:
                    return attrs.get("value", "")
            elif tag in ("input", "select", "button"):
                carrier = ""
        return ""

    def links(self) -> list[str]:
        return [attrs["href"] for tag, attrs in self.elements if tag == "a" and "href" in attrs]


def problems(page: Page) -> list[tuple[str, str]]:
    """The error summary as (field, sentence); each leads to a control that is there and is said again beside
    it.
    """
    summary = page.text.partition('id="error-summary"')[2].partition("</ul>")[0]
    found = [
        (id, unescape(said)) for id, said in re.findall(r'<li><a href="#id_([^"]+)">(.*?)</a></li>', summary)
    ]
    assert found
    assert len(found) == summary.count("<li>"), "an error without a link to a field"
    for field, said in found:
        assert page.by_id(f"id_{field}"), field
        assert " ".join(said.split()) in page.said(f"{field}-error"), field
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids)), "an id that is there twice"
    return found
