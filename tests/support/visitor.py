"""A browser without scripts, over real HTTP: signs in, sends the form, reads the answer's state."""

import re
import time
from typing import Any

import requests


class Visitor:
    """`base` is the address of a running installation with demo sign-in."""

    def __init__(self, base: str, persona: str = "sales") -> None:
        self.base = base
        self.session = requests.Session()
        page = self.session.get(f"{base}/demo/sign-in/", timeout=20).text
        sent = {"csrfmiddlewaretoken": _value(page, "csrfmiddlewaretoken"), "persona": persona, "next": "/"}
        answer = self.session.post(f"{base}/demo/sign-in/", sent, allow_redirects=False, timeout=20)
        assert answer.status_code == 303, answer.text

    def form(self, **fields: str) -> dict[str, str]:
        """A form with all fields valid, for a deal in the sample firm. It may be sent any number of times."""
        page = self.session.get(f"{self.base}/opportunities/new/", timeout=20).text
        return {
            "csrfmiddlewaretoken": _value(page, "csrfmiddlewaretoken"),
            "form_token": _value(page, "form_token"),
            "book_id": "bk_pine01",
            "name": "Okonkwo second opinion",
            "value": "640,000",
            "pipeline_id": "pl_newbiz",
            "pipeline_stage_id": "st_qual",
            "household_id": "hh_okonkwo",
            "assigned_to_id": "u_9xw20c",
            **fields,
        }

    def send(self, form: dict[str, str]) -> str:
        """Send the form. Returns the address of the submission."""
        answer = self.session.post(f"{self.base}/opportunities/new/", form, allow_redirects=False, timeout=20)
        assert answer.status_code == 303, answer.text
        return self.base + answer.headers["Location"]

    def state(self, address: str) -> str:
        page = self.session.get(address, timeout=20).text
        found = re.search(r'data-state="(\w+)"', page)
        assert found, page
        return found[1]

    def waits_for(self, address: str, state: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while (now := self.state(address)) != state:
            assert time.monotonic() < deadline, f"{address} is {now}, not {state}"
            time.sleep(0.1)


def _value(page: str, name: str) -> Any:
    found = re.search(rf'name="{name}"[^>]*value="([^"]+)"', page)
    assert found, f"no {name} on the page"
    return found[1]
