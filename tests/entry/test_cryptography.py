"""Which hashes and sources of chance the code uses, and whether it runs commands of the system."""

import ast
from collections.abc import Iterator

from tests.support.environment import ROOT

HASHES = {"hashlib.sha256", "hashlib.sha512"}


def nodes(*words: str) -> Iterator[tuple[str, ast.AST]]:
    """Every part, with its file, of the application's modules that hold one of `words`.

    The sandbox is no part of production.
    """
    for path in [*(ROOT / "opportunities").rglob("*.py"), *(ROOT / "slantweb").rglob("*.py")]:
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text()
        if any(word in text for word in words) and not name.startswith("opportunities/sandbox/"):
            for node in ast.walk(ast.parse(text)):
                yield name, node


def calls(*words: str) -> Iterator[tuple[str, str, ast.Call]]:
    for file, node in nodes(*words):
        if isinstance(node, ast.Call):
            yield file, ast.unparse(node.func), node


def test_every_hash_is_of_the_sha_2_family() -> None:
    """By itself Django's `salted_hmac` takes SHA-1."""
    found = list(calls("hashlib", "salted_hmac"))
    hashes = [(file, name) for file, name, _ in found if name.startswith("hashlib.") and name.count(".") == 1]
    salted = [(file, ast.unparse(call)) for file, name, call in found if name.endswith("salted_hmac")]

    assert len(hashes) > 5
    assert len(salted) > 1
    assert [use for use in hashes if use[1] not in HASHES] == []
    assert [use for use in salted if "algorithm='sha256'" not in use[1]] == []


def test_all_chance_comes_from_the_system() -> None:
    guessable = [
        (file, ast.unparse(node))
        for file, node in nodes("random")
        if (isinstance(node, ast.Import) and any(part.name == "random" for part in node.names))
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "random"
            and {part.name for part in node.names} != {"SystemRandom"}
        )
    ]

    assert guessable == []


def test_only_the_demo_starts_processes() -> None:
    """No command of the operating system is run, so nothing that people type gets into one."""
    starting = {
        file
        for file, name, _ in calls("subprocess", "os.")
        if name.startswith(("subprocess.", "os.system", "os.exec"))
    }

    assert starting == {"opportunities/demo/child.py"}
