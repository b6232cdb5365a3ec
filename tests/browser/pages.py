"""The pages as a person meets them: by labels, words and keys, never by the way they are built.

What a page did is not judged by what it says but by the sandbox's own ledger (`Slant`).
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

import requests
from playwright.sync_api import Locator, Page, expect

from tests.support.processes import Sandbox, wait_until

NEW = "/opportunities/new/"
CREATE_PATH = "/v1/opportunities"
SUBMISSION_URL = re.compile(r"/submissions/[0-9a-f-]{36}/$")

# The sandbox's firm, as far as the tests speak of it. Theo is who signs in as "sales"; the token is Mara's.
THEO, MARA = "u_9xw20c", "u_4hd81k"
MARAS_BOOK, THEOS_BOOK, CEDAR = "bk_pine01", "bk_alder2", "bk_cedar3"
OKONKWO = "hh_okonkwo"


def in_days(days: int) -> str:
    """A day as forms and Slant write it, counted from Slant's today."""
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


class Slant:
    """What the sandbox holds against us: every request it saw and every record it made."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.control = sandbox.control
        newest = requests.get(f"{sandbox.control_url}/_ledger", params={"limit": 1}, timeout=10).json()
        self.began = newest["last_seq"]

    def created(self, name: str) -> list[dict[str, Any]]:
        """The ledger's entries of records of this name made during the test."""
        return [
            entry
            for entry in self.sandbox.ledger(after=self.began, kind="write")
            if entry["action"] == "create" and entry["record"]["name"] == name
        ]

    def posts(self, name: str) -> list[dict[str, Any]]:
        requests = self.sandbox.ledger(after=self.began, kind="request", method="POST", path=CREATE_PATH)
        return [entry for entry in requests if (entry["body"] or {}).get("name") == name]

    def nothing_sent(self) -> bool:
        return not self.sandbox.ledger(after=self.began, kind="request", method="POST")

    def holds_one(self, name: str, **fields: Any) -> dict[str, Any]:
        """Exactly one record of this name, made under one key with one body; it has `fields`."""
        entries = self.created(name)
        assert len(entries) == 1, entries
        key, record = entries[0]["idempotency_key"], entries[0]["record"]
        posts = self.posts(name)
        assert key
        assert [post["status"] for post in posts if post["writes"]] in ([201], [None])
        assert len({post["body_sha256"] for post in posts}) == 1
        assert {post["token"] for post in posts} == {"write"}
        close = record["target_close_date"]
        there = record | {"target_close_date": close[:10] if close else None}
        assert {field: there[field] for field in fields} == fields
        return record

    def comes_to_hold_one(self, name: str, **fields: Any) -> dict[str, Any]:
        """The same, where the page went on before the answer came."""
        wait_until(lambda: bool(self.created(name)), self.sandbox.process)
        return self.holds_one(name, **fields)

    def holds_none(self, name: str) -> None:
        assert self.created(name) == []

    def misbehaves(self, kind: str, path: str = CREATE_PATH, method: str = "POST", **more: Any) -> None:
        """One more fault, once unless `times` says otherwise."""
        fault = {"method": method, "path": path, "kind": kind, "times": 1} | more
        known = self.control()["faults"]
        self.control(faults=[*known, fault])


class NewForm:
    """The page for a new opportunity."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.summary = page.get_by_role("complementary", name="What Slant will receive")
        self.problems = page.get_by_role("alert").filter(has_text="There is a problem")

    def open(self, **prefilled: str) -> Self:
        query = "&".join(f"{name}={quote(value)}" for name, value in prefilled.items())
        self.page.goto(f"{NEW}?{query}" if query else NEW)
        return self

    def field(self, name: str) -> Locator:
        return self.page.locator(f"#id_{name}")

    def forge(self, name: str, value: str) -> None:
        """Make a control send what it does not offer."""
        self.page.locator(f"#create-form [name={name}]").evaluate(
            """(control, value) => {
              if (control.options) control.add(new Option(value, value));
              control.value = value;
            }""",
            value,
        )

    @property
    def name(self) -> Locator:
        return self.page.get_by_label("Name", exact=True)

    def choose_book(self, name: str) -> None:
        self.page.get_by_label("Book", exact=True).select_option(label=name)
        expect(self.fact("Book")).to_have_text(name)

    def choose_pipeline(self, name: str, said: str = "") -> None:
        self.page.get_by_label("Pipeline", exact=True).select_option(label=name)
        expect(self.fact("Pipeline")).to_have_text(said or name)

    def find_household(self, part: str, name: str) -> None:
        self.page.get_by_role("combobox", name="Household").fill(part)
        self.page.get_by_role("listbox").get_by_role("option", name=name).click()
        expect(self.fact("Household")).to_have_text(name)

    def fact(self, label: str) -> Locator:
        """A line of the live summary."""
        return self.summary.locator(f"dt:text-is('{label}') + dd")

    def create(self) -> None:
        self.button("Create opportunity").click()

    def create_and_add_another(self) -> None:
        self.button("Create and add another").click()

    def button(self, name: str) -> Locator:
        return self.page.locator("#create-form").get_by_role("button", name=name)

    def refuses(self, field: str, words: str) -> None:
        """The summary has the focus, its link leads to the field, which says the same; nothing was sent."""
        expect(self.problems).to_be_focused()
        expect(self.page).to_have_title(re.compile("^Error: "))
        expect(self.page.locator(f"#{field}-error")).to_contain_text(words)
        self.problems.get_by_role("link", name=words).click()
        row = self.page.locator(f"#field-{field}")
        expect(row.locator(":focus")).to_be_visible()
        expect(row.locator(":focus")).to_be_in_viewport()


class SubmissionPage:
    """The page of one submission."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.main = page.locator("main[data-submission]")
        self.outcome = page.locator("#outcome")
        self.sentence = page.locator("#outcome + p")

    def says(self, title: str, *, state: str, timeout: float | None = None) -> Self:
        expect(self.outcome).to_have_text(title, timeout=timeout)
        expect(self.main).to_have_attribute("data-state", state)
        return self

    def created(self, timeout: float = 20_000) -> str:
        """Wait for "Created in Slant"; the id of the record it names."""
        self.says("Created in Slant", state="confirmed", timeout=timeout)
        return self.main.get_attribute("data-opportunity") or ""
