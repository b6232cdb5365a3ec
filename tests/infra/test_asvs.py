"""docs/asvs.md answers every requirement of ASVS 5.0.0, level 1 and 2, by a test that exists or a reason."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.environment import ROOT

REQUIREMENTS = [
    line.split()
    for line in (ROOT / "tests" / "infra" / "asvs_5_0_0.txt").read_text().splitlines()
    if not line.startswith("#")
]
MAP = ROOT / "docs" / "asvs.md"
ROW = re.compile(r"^\| ([0-9.]+) \| ([0-9]) \| (.+?) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall(MAP.read_text())
TEST = re.compile(r"\b([a-z_]+/test_\w+)(?:::(test_\w+))?")
REASONS = ("Does not apply: ", "Does not apply to ", "Provider: ", "Operator: ", "Not met in one part: ")
# Documents that name tests by their place below `tests/`.
NAMING = [MAP, ROOT / "docs" / "security.md", ROOT / "docs" / "sign-on.md", ROOT / "docs" / "operations.md"]


@cache
def is_there(file: str, name: str) -> bool:
    path = ROOT / "tests" / f"{file}.py"
    return path.exists() and (
        not name or re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE) is not None
    )


def test_all_253_requirements_are_there_once_with_their_level_and_in_order() -> None:
    assert len(REQUIREMENTS) == 253
    assert [level for _, level in REQUIREMENTS].count("1") == 70
    assert [[id, level] for id, level, _, _ in ROWS] == REQUIREMENTS


def test_every_row_says_what_is_asked_and_names_a_test_or_gives_a_reason() -> None:
    for id, _, asks, held in ROWS:
        tests = [name for _, name in TEST.findall(held)]
        reason = next((held.removeprefix(word) for word in REASONS if held.startswith(word)), "")

        assert 2 <= len(asks.split()) <= 14, id
        assert all(tests), f"{id}: a test is named by its file and its name"
        assert tests or len(reason.split()) >= 3, id


def test_what_is_not_met_is_told_at_the_top() -> None:
    said = MAP.read_text().split("## 1.")[0].split("**not met**")[1]

    assert re.findall(r"\d+\.\d+\.\d+", said) == [row[0] for row in ROWS if row[3].startswith("Not met")]


def test_the_sums_at_the_top_are_those_of_the_rows() -> None:
    held = [row[3] for row in ROWS]
    begins = [
        sum(text.startswith(word) for text in held) for word in ("Does", "Provider", "Operator", "Not met")
    ]
    said = [int(number) for number in re.findall(r"^(\d+) are held by .*$", MAP.read_text(), re.MULTILINE)]

    assert said == [len(held) - sum(begins)]
    words = " ".join(MAP.read_text().split("## 1.")[0].split())
    for number, what in zip(
        begins, ("do not apply", "are the provider's", "the operator's", "are **not"), strict=True
    ):
        assert f"{number} {what}" in words


@pytest.mark.parametrize("document", NAMING, ids=lambda path: path.name)
def test_every_test_a_document_names_exists(document: Path) -> None:
    missing = [found for found in TEST.findall(document.read_text()) if not is_there(*found)]

    assert missing == []
