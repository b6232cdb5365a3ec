"""`make house`: the figures of readability, and the bound of each. Fails when one slips.

Product code is `opportunities/` and `slantweb/` without migrations. The sandbox is counted apart for names,
as it shares no code with the application. Tables of plain data and the stand-alone verifier may be longer
than other files.
"""

import ast
import re
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.environment import ROOT

LINE_LIMIT = 110
TEMPLATE_LINE_LIMIT = 120
TEMPLATE_LIMIT = 120
FILE_LIMIT = 350
WORDING_FILE_LIMIT = 300
COMPLEXITY_LIMIT = 15
HELPER_MODULES_LIMIT = 3
# The verifier must be one file, because an auditor runs it without the application.
LONG_FILES = {"opportunities/trail/verifier.py"}
# A participle or a pronoun alone says how a thing came about, and not what it is.
NO_NAMES = {
    "told", "said", "dealt", "others", "its", "it", "their", "them", "theirs", "ours", "mine", "kept",
    "gone", "made", "given", "seen", "shown", "drawn", "asked", "answered", "noted", "judged", "found",
    "known", "came", "wanted", "taken", "meant", "one", "some", "both", "here", "there",
    "where", "whose", "whom", "who", "what", "which", "stuff", "sent", "written", "gathered", "looked",
}  # fmt: skip
# Django requires these names.
SHARED_CLASS_NAMES = {"Command", "Meta"}


@dataclass
class Figure:
    """One line of the report: what was measured, what was found, the bound, and the places beyond it."""

    name: str
    found: str
    bound: str
    beyond: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Module:
    path: Path
    name: str
    text: str
    tree: ast.Module


def main() -> int:
    modules = list(product_modules())
    figures = [
        python_lines(),
        file_lengths(modules),
        wording_lengths(modules),
        complexity(modules),
        class_names(modules),
        helper_names(modules),
        loop_names(modules),
        bare_participles(modules),
        template_lines(),
        template_lengths(),
    ]
    for figure in figures:
        print(f"{'FAILED' if figure.beyond else 'ok':6}  {figure.name}: {figure.found} ({figure.bound})")
        for place in figure.beyond:
            print(f"          {place}")
    return 1 if any(figure.beyond for figure in figures) else 0


def product_modules() -> Iterator[Module]:
    for room in ("opportunities", "slantweb"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                text = path.read_text()
                yield Module(path, str(path.relative_to(ROOT)), text, ast.parse(text))


def python_lines() -> Figure:
    """Every line of Python, tests included, except those that end in a comment for a tool."""
    paths = [ROOT / "manage.py"]
    for room in ("opportunities", "slantweb", "tests"):
        paths += [path for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts]
    lengths = {
        f"{path.relative_to(ROOT)}:{number}": len(line)
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if not re.search(r"# (noqa|type: ignore)", line)
    }
    beyond = [f"{place}: {length} characters" for place, length in lengths.items() if length > LINE_LIMIT]
    return Figure("longest Python line", str(max(lengths.values())), f"at most {LINE_LIMIT}", beyond)


def file_lengths(modules: list[Module]) -> Figure:
    lengths = {module.name: len(module.text.splitlines()) for module in modules}
    shown = {name: length for name, length in lengths.items() if name not in LONG_FILES}
    beyond = [f"{name}: {length} lines" for name, length in shown.items() if length > FILE_LIMIT]
    return Figure("longest file", str(max(shown.values())), f"at most {FILE_LIMIT} lines", beyond)


def wording_lengths(modules: list[Module]) -> Figure:
    lengths = {
        module.name: len(module.text.splitlines()) for module in modules if "wording" in module.path.parts
    }
    beyond = [f"{name}: {length} lines" for name, length in lengths.items() if length > WORDING_FILE_LIMIT]
    bound = f"at most {WORDING_FILE_LIMIT} lines"
    return Figure("longest file of wording", str(max(lengths.values())), bound, beyond)


def complexity(modules: list[Module]) -> Figure:
    found = {
        f"{module.name}:{function.lineno} {function.name}": cyclomatic(function)
        for module in modules
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and module.name not in LONG_FILES
    }
    worst, mean = max(found.values()), statistics.mean(found.values())
    beyond = [f"{name}: {paths}" for name, paths in found.items() if paths > COMPLEXITY_LIMIT]
    return Figure(
        "cyclomatic complexity", f"worst {worst}, mean {mean:.1f}", f"at most {COMPLEXITY_LIMIT}", beyond
    )


def cyclomatic(function: ast.AST) -> int:
    """One, and one more for each branch (McCabe). Operands of `and` and `or`, and cases, count too."""
    paths = 1
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            paths += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            paths += 1 + len(node.ifs)
        elif isinstance(node, ast.match_case | ast.If | ast.For | ast.While | ast.IfExp | ast.ExceptHandler):
            paths += 1
    return paths


def class_names(modules: list[Module]) -> Figure:
    places = defaultdict(set)
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and node.name not in SHARED_CLASS_NAMES:
                places[side(module), node.name].add(module.name)
    return duplicates("class names in two modules or more", places, limit=1)


def helper_names(modules: list[Module]) -> Figure:
    """Private functions at the top of a module."""
    places = defaultdict(set)
    for module in modules:
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_"):
                places[side(module), node.name].add(module.name)
    name = f"private helper names in more than {HELPER_MODULES_LIMIT} modules"
    return duplicates(name, places, limit=HELPER_MODULES_LIMIT)


def side(module: Module) -> str:
    return "sandbox" if "sandbox" in module.path.parts else "product"


def duplicates(name: str, places: dict[tuple[str, str], set[str]], *, limit: int) -> Figure:
    beyond = [
        f"{word}: {', '.join(sorted(modules))}"
        for (_, word), modules in sorted(places.items())
        if len(modules) > limit
    ]
    return Figure(name, str(len(beyond)), "none", beyond)


def loop_names(modules: list[Module]) -> Figure:
    """`each` as a loop variable does not name the thing."""
    beyond = [
        f"{module.name}:{node.lineno}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id == "each"
    ]
    beyond += [
        f"{path.relative_to(ROOT)}:{number}"
        for path, number, line in lines_of_templates()
        if re.search(r"{% for (\w+, )?each\b", line)
    ]
    return Figure("variables called `each`", str(len(beyond)), "none", beyond)


def bare_participles(modules: list[Module]) -> Figure:
    """Arguments, variables and functions. Fields of forms, tables and JSON keep their names."""
    beyond = []
    for module in modules:
        for function in ast.walk(module.tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = [(function.lineno, function.name)]
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.append((node.lineno, node.id))
                elif isinstance(node, ast.arg):
                    names.append((node.lineno, node.arg))
            beyond += [f"{module.name}:{line} {name}" for line, name in names if name.strip("_") in NO_NAMES]
    beyond = sorted(set(beyond))
    return Figure("names that are a participle or a pronoun alone", str(len(beyond)), "none", beyond)


def template_lines() -> Figure:
    lengths = {f"{path.relative_to(ROOT)}:{number}": len(line) for path, number, line in lines_of_templates()}
    mean = statistics.mean(lengths.values())
    beyond = [f"{place}: {length}" for place, length in lengths.items() if length > TEMPLATE_LINE_LIMIT]
    found = f"{max(lengths.values())}, mean {mean:.0f}"
    return Figure("longest template line", found, f"at most {TEMPLATE_LINE_LIMIT} characters", beyond)


def template_lengths() -> Figure:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in sorted((ROOT / "templates").rglob("*.html"))
    }
    beyond = [f"{name}: {length} lines" for name, length in lengths.items() if length > TEMPLATE_LIMIT]
    return Figure("longest template", str(max(lengths.values())), f"at most {TEMPLATE_LIMIT} lines", beyond)


def lines_of_templates() -> Iterator[tuple[Path, int, str]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if line.strip():
                yield path, number, line


if __name__ == "__main__":
    sys.exit(main())
