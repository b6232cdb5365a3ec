"""People who come in through the firm's provider, and enter deal after deal while the machine changes."""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.support.visitor import Visitor, _value

HOST, CERTIFICATE, ISSUER = os.environ["HOST"], os.environ["CERTIFICATE"], os.environ["OIDC_ISSUER"]
SITE = f"https://{HOST}"
# How long the last of what was entered may take to arrive.
SETTLED_WITHIN = float(os.environ.get("SETTLED_WITHIN", "120"))
# The drill makes these files: enough was entered; enter many at once, so that they wait.
ENOUGH, MANY = Path("/run/entered-enough"), Path("/run/enter-many")
# How many each session of theirs enters at once. A person may make thirty a minute.
MANY_EACH = {"olivia": 8, "oscar": 22}
PEOPLE = tuple(MANY_EACH)
SESSIONS = ("olivia", "oscar", "olivia")
EVERY_SECONDS, PATIENCE_SECONDS = 10, 70


class Patient(requests.Session):
    """Waits as long as nginx does: on a busy machine a restart takes many seconds."""

    def request(self, *args: Any, **options: Any) -> requests.Response:
        return super().request(*args, **options | {"timeout": PATIENCE_SECONDS})


class Colleague(Visitor):
    """Comes in through the firm's provider."""

    def __init__(self, account: str = "olivia") -> None:
        self.base, self.session = SITE, Patient()
        self.session.verify, self.session.headers["Referer"] = CERTIFICATE, SITE
        page = self.session.get(f"{SITE}/sign-in/", timeout=20).text
        sent = {"csrfmiddlewaretoken": _value(page, "csrfmiddlewaretoken"), "next": "/opportunities/new/"}
        asked = self.session.post(f"{SITE}/sign-in/", sent, timeout=20)
        assert asked.url.startswith(f"{ISSUER}/interaction/"), asked.url
        inside = self.session.post(asked.url, {"account": account}, timeout=20)
        assert inside.url == f"{SITE}/opportunities/new/", (inside.url, inside.text[:2000])


def make_members() -> None:
    """The provider's people get addresses of those who write in the sample firm's book."""
    slant, token = os.environ["SLANT_BASE_URL"], os.environ["SLANT_API_TOKEN"]
    books = requests.get(f"{slant}/books", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    (book,) = [book for book in next(iter(lists(books))) if book["id"] == "bk_pine01"]
    writers = [member for member in book["users"] if member["role"] in ("principal", "contributor")]
    people = {
        name: {"name": name, "groups": ["crm-sales"], "email": writer["email"], "email_verified": True}
        for name, writer in zip(PEOPLE, writers, strict=True)
    }
    requests.post(f"{ISSUER}/_control", json={"people": people}, timeout=10).raise_for_status()


def lists(answer: object) -> Iterator[list[dict[str, object]]]:
    if isinstance(answer, list):
        yield answer
    elif isinstance(answer, dict):
        for value in answer.values():
            yield from lists(value)


def deals_in_slant() -> list[str]:
    """The names of all that were made there, by its own record."""
    names: list[str] = []
    after = 0
    while True:
        address = f"{os.environ['CONTROL']}/_ledger?limit=1000&kind=write&after={after}"
        entries = requests.get(address, timeout=10).json()["entries"]
        made = [entry for entry in entries if entry["action"] == "create" and entry["type"] == "opportunity"]
        names += [entry["record"]["name"] for entry in made]
        if len(entries) < 1000:
            return names
        after = entries[-1]["seq"]


class Entry:
    """Three sessions of two people, each with a page after the other and now and then a deal."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        # Name, address of its page, and who entered it.
        self.sent: list[tuple[str, str, str]] = []
        self.asked, self.longest = 0, 0.0
        self._numbers = itertools.count()

    def run(self) -> None:
        threads = [threading.Thread(target=self._enter, args=[Colleague(name), name]) for name in SESSIONS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(
            f"{self.asked} requests, {len(self.sent)} deals, {len(self.problems)} failed, "
            f"the longest took {self.longest:.1f} s",
            flush=True,
        )

    def _enter(self, colleague: Colleague, person: str) -> None:
        due_at, many = 0.0, MANY_EACH[person]
        while not ENOUGH.exists():
            began = time.monotonic()
            try:
                if MANY.exists() and many:
                    # At once, as the page waits for the worker a little.
                    with ThreadPoolExecutor(many) as together:
                        list(together.map(lambda _: self._send(colleague, person), range(many)))
                    many = 0
                colleague.session.get(f"{SITE}/submissions/", timeout=60).raise_for_status()
                if began >= due_at:
                    due_at = began + EVERY_SECONDS
                    self._send(colleague, person)
            except Exception as problem:
                self.problems.append(f"{type(problem).__name__}: {str(problem)[:300]}")
            self.longest, self.asked = max(self.longest, time.monotonic() - began), self.asked + 1
            time.sleep(0.1)

    def send_many(self, colleague: Colleague, person: str, count: int) -> None:
        for _ in range(count):
            self._send(colleague, person)
            time.sleep(2.05)

    def wait_until_all_arrived(self) -> None:
        """Each is confirmed on its page, and in Slant's own record once."""
        colleagues = {person: Colleague(person) for person in PEOPLE}
        deadline = time.monotonic() + SETTLED_WITHIN
        for _, address, person in self.sent:
            colleagues[person].waits_for(address, "confirmed", seconds=deadline - time.monotonic())
        made = sorted(name for name in deals_in_slant() if name.endswith("entered meanwhile"))
        assert made == sorted(name for name, *_ in self.sent)

    def _send(self, colleague: Colleague, person: str) -> None:
        number = next(self._numbers)
        name = f"Deal {number} entered meanwhile"
        # In one household each could be another whose answer was lost, and a manager would be asked.
        form = colleague.form(name=name, value=str(1000 + number), household_id="")
        self.sent.append((name, colleague.send(form), person))
        self.asked += 1


def whoever_enters_meanwhile_notices_nothing() -> None:
    """Pages and deals until the machine is told that it is enough: none fails, each deal arrives once."""
    make_members()
    entry = Entry()
    entry.run()
    assert entry.problems == [], entry.problems[:3]
    assert len(entry.sent) >= 9
    entry.wait_until_all_arrived()


def two_people_enter_a_hundred_deals_each() -> None:
    """As fast as the limit of a person allows; ends when all have arrived."""
    make_members()
    entry = Entry()
    threads = [
        threading.Thread(target=entry.send_many, args=[Colleague(person), person, 100]) for person in PEOPLE
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entry.sent) == 200, entry.problems[:3]
    entry.wait_until_all_arrived()
