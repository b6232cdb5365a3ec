"""Views hold HTTP only: forms read what browsers send, selectors and actions know the database."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import ROOT

pytestmark = pytest.mark.slow

VIEWS = sorted((ROOT / "opportunities" / "views").rglob("*.py"))


def nodes_with_parents(path: Path) -> Iterator[tuple[ast.AST, ast.AST]]:
    for parent in ast.walk(ast.parse(path.read_text())):
        for node in ast.iter_child_nodes(parent):
            yield node, parent


def test_what_browsers_send_goes_whole_into_a_form() -> None:
    """`request.GET` and `request.POST` are arguments of a call, alone or as a choice between them."""
    raw = []
    for path in VIEWS:
        parents = dict(nodes_with_parents(path))
        for node in parents:
            if isinstance(node, ast.Attribute) and node.attr in ("GET", "POST"):
                outer = node
                while isinstance(parents[outer], ast.BoolOp | ast.IfExp | ast.keyword):
                    outer = parents[outer]
                call = parents[outer]
                if not (isinstance(call, ast.Call) and outer is not call.func):
                    raw.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert raw == []


def test_no_view_asks_the_database() -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in VIEWS
        for node, _ in nodes_with_parents(path)
        if isinstance(node, ast.Attribute) and node.attr in ("objects", "refresh_from_db")
    ]

    assert asked == []
