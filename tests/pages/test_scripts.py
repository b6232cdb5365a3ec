"""Scripts are modules: collected under hashed names they still find each other, and their imports lead one
way.
"""

import json
import posixpath
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django import Settings

from slantweb.settings import BASE_DIR

STATIC = BASE_DIR / "static"
SCRIPTS = {str(path.relative_to(STATIC)): path.read_text() for path in sorted((STATIC / "js").rglob("*.js"))}
IMPORTED = re.compile(r"\bimport\b[^\"'`;]*[\"'`]([^\"'`]+)[\"'`]")


def imports(name: str, text: str) -> list[str]:
    return [
        posixpath.normpath(posixpath.join(posixpath.dirname(name), found)) for found in IMPORTED.findall(text)
    ]


def all_below(name: str) -> set[str]:
    return {script for below in imports(name, SCRIPTS[name]) for script in {below, *all_below(below)}}


@pytest.fixture
def hashed(tmp_path: Path, settings: Settings) -> dict[str, str]:
    """The names that collectstatic gives to our own files, as in production."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "slantweb.storage.HashedFiles"}}
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["account", "django_htmx"])
    names: dict[str, str] = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    return names


def test_each_import_leads_to_a_hashed_file_and_nothing_else_was_rewritten(hashed: dict[str, str]) -> None:
    for name, text in SCRIPTS.items():
        served = (Path(settings.STATIC_ROOT) / hashed[name]).read_text()
        found = imports(name, served)

        assert found == [hashed[script] for script in imports(name, text)]
        for script in found:
            served = served.replace(
                posixpath.basename(script), re.sub(r"\.\w{12}\.js$", ".js", posixpath.basename(script))
            )
        assert served == text


def test_imports_lead_one_way_and_to_files_there_are() -> None:
    graph = {name: imports(name, text) for name, text in SCRIPTS.items()}

    assert {script for below in graph.values() for script in below} <= set(SCRIPTS)
    assert list(TopologicalSorter(graph).static_order())


def test_the_board_asks_for_all_its_scripts_at_once() -> None:
    template = (BASE_DIR / "templates/opportunities/partials/board_preloads.html").read_text()

    assert set(re.findall(r"modulepreload\" href=\"{% static '([^']+)'", template)) == all_below(
        "js/board.js"
    )


def test_no_script_lets_a_name_from_outside_choose_a_property() -> None:
    """What is looked up by a name from a page is a Map or a Set. A property could be `__proto__`."""
    found = {
        (name, each)
        for name, text in SCRIPTS.items()
        for each in re.findall(r"[\w.]+\[[^\]\"'0-9]+\](?= *=[^=>])", text)
    }

    # Three names that stand there.
    assert found == {("js/board/moving.js", "more[name]")}


def test_no_script_keeps_anything_in_the_browser() -> None:
    """htmx would; `early.js` takes the storage away before it looks. Every browser test is watched, too."""
    words = re.compile(r"localStorage|sessionStorage|indexedDB|\bcaches\b|document\.cookie")

    assert [name for name, text in SCRIPTS.items() if words.search(text)] == ["js/early.js"]
