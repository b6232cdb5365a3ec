"""One source of the version, and a changelog whose sections are its releases."""

import re
import subprocess
import tomllib
from datetime import date

import pytest
from pytest_django import Settings

from tests.support.environment import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SECTION = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_the_version_stands_in_one_place(settings: Settings) -> None:
    assert PROJECT["version"] == settings.APP_VERSION
    code = [path for room in ("slantweb", "opportunities", "deploy") for path in (ROOT / room).rglob("*")]
    holders = [
        str(path.relative_to(ROOT))
        for path in code
        if path.suffix in {".py", ".yaml", ".yml", ".conf", ".service"}
        and re.search(rf"(?i)version[\"']?\s*[:=]\s*[\"']?{re.escape(PROJECT['version'])}", path.read_text())
    ]
    assert holders == []


def test_sections_of_the_changelog_are_releases_the_newest_first() -> None:
    lines = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert lines[0] == "## Unreleased"
    released = [SECTION.match(line) for line in lines[1:]]
    assert all(released), lines

    versions = [_number(found[1]) for found in released if found]
    assert versions == sorted(set(versions), reverse=True)
    # A version without a section is the one that is being made.
    assert all(version <= _number(PROJECT["version"]) for version in versions)
    assert all(date.fromisoformat(found[2]) for found in released if found)


def test_each_tag_of_a_release_has_its_section() -> None:
    listed = subprocess.run(["git", "tag", "--list", "v*"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no clone of the repository")
    text = (ROOT / "CHANGELOG.md").read_text()

    assert [tag for tag in listed.stdout.split() if f"\n## {tag[1:]} - " not in text] == []
