"""What docs/security.md promises is held by tests that exist, and no requirement is left out or empty."""

import re

from tests.support.environment import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()
LEVEL_1, LEVEL_2 = TEXT.split("## Level 1")[1].split("## Level 2")
ROW = re.compile(r"^\| ([0-9.,\s]+) \| (.+?) \| (.+) \|$", re.MULTILINE)


def ids(part: str) -> list[str]:
    return [id for row in ROW.findall(part) for id in row[0].split(", ")]


def test_all_seventy_of_level_one_are_there_once() -> None:
    assert len(ids(LEVEL_1)) == len(set(ids(LEVEL_1))) == 70


def test_level_two_repeats_none() -> None:
    assert len(ids(LEVEL_2)) == len(set(ids(LEVEL_2))) > 90
    assert not set(ids(LEVEL_1)) & set(ids(LEVEL_2))


def test_every_row_says_something() -> None:
    for id, words, held in ROW.findall(TEXT):
        assert len(words) > 5, id
        assert len(held) > 5, id


def test_every_test_named_exists() -> None:
    named = re.findall(r"\b((?:entry|sign_on|pages|actions|slant|browser)/test_\w+)(?:::(test_\w+))?", TEXT)
    missing = []
    for file, name in named:
        path = ROOT / "tests" / f"{file}.py"
        if not path.exists() or (name and f"def {name}(" not in path.read_text()):
            missing.append(f"{file}::{name}")

    assert len(named) > 100
    assert missing == []


def test_each_variable_of_sign_on_is_explained() -> None:
    explained = (ROOT / "docs" / "sign-on.md").read_text()

    for name in re.findall(r"^#(OIDC_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE):
        assert f"`{name}`" in explained, name
