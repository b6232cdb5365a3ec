"""docs/audit.md names every event, the page has words for each, and the code writes no other."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache

from opportunities.models import State
from opportunities.wording import trail as trail_words
from tests.support.environment import ROOT

EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
SOURCES = [*(ROOT / "opportunities").rglob("*.py"), *(ROOT / "slantweb").rglob("*.py")]
# What turns into an event: their own keyword, or a helper of the module that hands its first words on to
# `action=`.
WRITERS = {"record", "record_access"}


@cache
def written() -> dict[str, set[str]]:
    """Every event the code writes, with the files that do."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        for name in _events(tree):
            found.setdefault(name, set()).add(path.relative_to(ROOT / "opportunities").as_posix())
    return found


def _events(tree: ast.Module) -> Iterator[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = {
        target.id: node.value for node in tree.body if isinstance(node, ast.Assign)
        for target in node.targets if isinstance(target, ast.Name)
    }  # fmt: skip
    helpers = False
    for call in calls:
        if _name(call.func) not in WRITERS:
            continue
        for keyword in call.keywords:
            if keyword.arg == "action":
                given = keyword.value
                constant = named.get(given.id) if isinstance(given, ast.Name) else given
                yield from _words(constant) if constant else ()
                helpers |= constant is None
    if helpers:
        for call in calls:
            for argument in call.args if _name(call.func).startswith("_") else []:
                yield from (word for word in _words(argument) if EVENT.fullmatch(word))


def _words(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(word)):
            yield word
        case ast.IfExp(body=one, orelse=other):
            yield from _words(one)
            yield from _words(other)
        case ast.JoinedStr(values=[ast.Constant(value="submission."), *_]):
            yield from (f"submission.{state}" for state in State.values)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def documented() -> dict[str, str]:
    """Events of the table, with the files it says they are written in."""
    table = (
        (ROOT / "docs" / "audit.md").read_text().partition("## Every event there is")[2].partition("\n## ")[0]
    )
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return {event: row[3] for row in rows for event in re.findall(r"`([^`]+)`", row[0])}


def test_the_table_holds_exactly_the_events_the_code_writes() -> None:
    assert set(documented()) == set(written()), (
        "docs/audit.md lists every event; wording/trail.py has its sentence"
    )


def test_it_says_where_each_is_written() -> None:
    wrong = {
        event: files
        for event, files in written().items()
        if not files & set(re.findall(r"`([^`]+\.py)`", documented()[event]))
    }

    assert wrong == {}


def test_every_event_has_a_sentence_of_its_own_and_no_sentence_is_left_over() -> None:
    assert set(trail_words.SENTENCES) == set(written())
    for by_reason in trail_words.SENTENCES.values():
        assert "" in by_reason
        for template in by_reason.values():
            names = [name for _, name, _, _ in string.Formatter().parse(template)]
            assert "who" in names or template.startswith("Slant "), template


def test_every_choice_of_what_means_some_event_and_each_event_has_a_choice() -> None:
    chosen = [event for what in trail_words.WHAT for event in trail_words.actions_of(what)]

    assert all(trail_words.actions_of(what) for what in trail_words.WHAT)
    assert set(chosen) == set(trail_words.SENTENCES)


def test_the_files_it_names_exist() -> None:
    text = (ROOT / "docs" / "audit.md").read_text()
    for name in re.findall(
        r"`((?:actions|views|selectors|migrations|docs|tests|opportunities)/[\w/.]+)`", text
    ):
        assert (ROOT / name).exists() or (ROOT / "opportunities" / name).exists(), name
    for command in re.findall(r"manage\.py (\w+)", text):
        assert (
            ROOT / "opportunities" / "management" / "commands" / f"{command}.py"
        ).exists() or command == "migrate"
