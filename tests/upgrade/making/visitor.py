"""Somebody at a browser without scripts: opens pages, fills their forms in, sends them."""

import re
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser

import requests

Fields = dict[str, str | list[str]]


@dataclass
class Form:
    """A form of a page as a browser would send it if nobody touched it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Visitor:
    """`who` is the name of a button of the demo's sign-in, or an e-mail address with a group."""

    def __init__(self, base: str, who: str, group: str = "") -> None:
        self.base = base
        self.session = requests.Session()
        self.session.headers["User-Agent"] = "Mozilla/5.0 (used database)"
        self.sign_in(who, group)

    def sign_in(self, who: str, group: str = "") -> requests.Response:
        """The status is 303 when let in, 429 when that was one too many."""
        page = self.get("/demo/sign-in/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page
        chosen: Fields = {"email": who, "group": group} if group else {"persona": who}
        return self.post("/demo/sign-in/", {"csrfmiddlewaretoken": token[1], "next": "/", **chosen})

    def get(self, path: str, **more: str) -> requests.Response:
        """As a browser would; `more` are headers, with underscores for dashes."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        return self.session.get(self._url(path), headers=headers, timeout=60)

    def post(self, path: str, fields: Fields) -> requests.Response:
        return self.session.post(self._url(path), fields, allow_redirects=False, timeout=60)

    def fill(self, page: str, action: str = "", **fields: str | list[str]) -> requests.Response:
        """Open `page`, change `fields` of its form for `action` (by default the page's own), and send it."""
        answer = self.get(page)
        return self.post(*self.filled(answer.text, action or page, **fields))

    def again(self, refused: requests.Response, action: str, **fields: str | list[str]) -> requests.Response:
        """Send the form of a refusal again, with changes."""
        return self.post(*self.filled(refused.text, action, **fields))

    @staticmethod
    def filled(page: str, action: str, **fields: str | list[str]) -> tuple[str, Fields]:
        path = action.partition("?")[0]
        reader = _Reader()
        reader.feed(page)
        forms = [form for form in reader.forms if form.action.partition("?")[0] in (path, "")]
        assert forms, f"no form for {path} among {[form.action for form in reader.forms]}: {page[:3000]}"
        best = max(forms, key=lambda form: ("form_token" in form.fields, len(form.fields)))
        return path, {**best.fields, **fields}

    def create(self, **fields: str) -> requests.Response:
        """A deal in the sample firm, right in every field that is not given."""
        usual = {
            "book_id": "bk_pine01",
            "pipeline_id": "pl_newbiz",
            "pipeline_stage_id": "st_qual",
            "household_id": "hh_okonkwo",
            "assigned_to_id": "u_9xw20c",
        }
        return self.fill("/opportunities/new/", **usual | fields)

    def created(self, **fields: str) -> str:
        """The path of the submission of a deal that was taken."""
        return _taken(self.create(**fields))

    def edited(self, deal: str, **fields: str) -> str:
        return _taken(self.fill(f"/opportunities/{deal}/edit/", **fields))

    def moved(self, deal: str, stage: str, **fields: str) -> str:
        return _taken(self.fill(f"/opportunities/{deal}/move/", pipeline_stage_id=stage, next="", **fields))

    def state(self, path: str) -> str:
        page = self.get(path).text
        found = re.search(r'data-state="(\w+)"', page)
        assert found, page
        return found[1]

    def waits_for(self, path: str, *states: str, seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while (state := self.state(path)) not in states:
            assert time.monotonic() < deadline, f"{path} is {state}, not {states}"
            time.sleep(0.2)
        return path

    def deal_of(self, path: str) -> str:
        """The record of a submission in Slant."""
        found = re.search(r'data-opportunity="(\w+)"', self.get(self.waits_for(path, "confirmed")).text)
        assert found
        return found[1]

    def named(self, name: str) -> str:
        """The path of the newest of one's submissions of this name."""
        found = re.search(rf'href="(/submissions/[0-9a-f-]+/)">{name}<', self.get("/submissions/").text)
        assert found, name
        return found[1]

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.base + path


def _taken(answer: requests.Response) -> str:
    assert answer.status_code == 303, f"{answer.status_code}: {_problems(answer.text)}"
    return answer.headers["Location"]


def _problems(page: str) -> str:
    summary = re.search(r'id="(?:error-summary|question)".*?</(?:div|form)>', page, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", summary[0] if summary else page[-2000:])


class _Reader(HTMLParser):
    """Finds the forms of a page and what their fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
            self._inside = True
        elif self._inside and tag == "input":
            self._input(given, self.forms[-1].fields)
        elif self._inside and tag == "select":
            self._select = given.get("name", "")
        elif self._inside and tag == "option" and self._select:
            fields = self.forms[-1].fields
            if "selected" in given or self._select not in fields:
                fields[self._select] = given.get("value", "")

    @staticmethod
    def _input(given: dict[str, str], fields: dict[str, str]) -> None:
        kind, name = given.get("type", "text"), given.get("name", "")
        picked = kind not in ("radio", "checkbox") or "checked" in given
        if name and picked and kind not in ("submit", "button"):
            fields[name] = given.get("value", "on" if kind == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
