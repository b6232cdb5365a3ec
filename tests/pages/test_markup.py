"""No template holds a script, a style or a handler of its own: the policy would block it, and so do we."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from opportunities.models import Household, Person, Submission
from tests.support.people import Firm

from .conftest import Fill, Page

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
SCRIPTS = sorted((settings.BASE_DIR / "static" / "js").rglob("*.js"))
FORBIDDEN = {
    "a script without src": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.I),
    "a style element": re.compile(r"<style\b", re.I),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "hx-on": re.compile(r"\bhx-on\b", re.I),
    "a javascript: address": re.compile(r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", re.I),
    "text marked safe": re.compile(r"\|\s*safe\b|mark_safe|autoescape off", re.I),
}
Browse = Callable[[Person], Client]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_what_the_policy_forbids(path: Path) -> None:
    text = path.read_text()

    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/opportunities/new/?household_id=hh_x",
        "/opportunities/new/fields/?household_id=hh_x",
        "/households/",
        "/submissions/",
    ],
)
@pytest.mark.parametrize(
    "payload", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "'-alert(1)-'"]
)
def test_names_from_slant_are_never_markup(
    owner: Person, browse: Browse, firm: Firm, fill: Fill, path: str, payload: str
) -> None:
    Household.objects.create(id="hh_x", name=payload, type="Prospect", book=firm.harbor)
    client = browse(owner)
    client.post("/opportunities/new/", fill(owner, household_id="hh_x", name=payload))

    page = Page(client.get(path))

    assert Submission.objects.get().name == payload
    assert [attrs for tag, attrs in page.elements if tag == "script" and "src" not in attrs] == []
    assert [tag for tag, _ in page.elements if tag in ("img", "style")] == []
    handlers = {
        name for _, attrs in page.elements for name in attrs if name.startswith(("on", "hx-on", "style"))
    }
    assert handlers == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_builds_markup_or_runs_text(path: Path) -> None:
    """As the word of a swap htmx makes, `innerHTML` is allowed; as a property nobody sets it."""
    assert not re.search(
        r"\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
    )


def test_only_our_own_server_is_asked_for_anything() -> None:
    for path in [*TEMPLATES, *SCRIPTS, settings.BASE_DIR / "static" / "css" / "theme.css"]:
        addresses = re.findall(r"https?://[^\s\"')]+", path.read_text())
        assert [address for address in addresses if not address.startswith("http://www.w3.org/")] == [], path


def test_a_control_and_an_error_box_stand_in_one_template_each() -> None:
    """Twins drift: one asks or says what the other does not."""
    places = {
        'name="lost_reason"': {"lost_reason.html"},
        "There is a problem": {"problems.html", "demo_sign_in.html"},  # that page has no scripts to focus it
    }

    for words, expected in places.items():
        assert {path.name for path in TEMPLATES if words in path.read_text()} == expected, words
