"""What the documents name is there: files, folders, make targets, and the words of the glossary."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = ("opportunities", "slantweb", "templates", "static", "tests", "docs", "deploy")
# Documents name a module by its place in the application: `delivery/settling.py`.
STARTS = (ROOT, ROOT / "opportunities", ROOT / "docs", ROOT / "tests")
# Files that treat the close date in its own way: a day in each form of it, and the sandbox's past.
OF_DATES_ALONE = {
    "opportunities/forms/edit.py",
    "opportunities/sandbox/past.py",
    "opportunities/sandbox/sample.py",
    "opportunities/slant/comparison.py",
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_names_is_there(document: Path) -> None:
    missing = [name for name in paths_in(document.read_text()) if not is_there(name)]

    assert missing == []


def test_every_word_of_the_glossary_is_a_name_in_the_code() -> None:
    rows = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    names = [
        name for row in rows if row.startswith("| **") for name in re.findall(r"`(\w+)`", row.split("|")[3])
    ]
    code = "\n".join(path.read_text() for path in (ROOT / "opportunities").rglob("*.py"))
    modules = {path.stem for path in (ROOT / "opportunities").rglob("*")}

    missing = [name for name in names if name not in modules and not re.search(rf"\b{name}\b", code)]

    assert len(names) >= 20
    assert missing == []


def test_every_make_target_a_document_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {target for path in DOCUMENTS for target in re.findall(r"`make ([a-z][\w-]*)", path.read_text())}

    assert named - targets == set()


def test_the_settings_list_every_part_in_the_order_it_is_read() -> None:
    """An engineer opens the list first, and a part that is not imported is not read at all."""
    package = ROOT / "slantweb" / "settings"
    text = (package / "__init__.py").read_text()
    listed = re.findall(r"^\* `(\w+)`:", text, re.MULTILINE)
    imported = re.findall(r"^from slantweb\.settings\.(\w+) import \*", text, re.MULTILINE)

    assert listed == imported
    assert set(listed) == {path.stem for path in package.glob("*.py")} - {"__init__"}


def test_the_environment_is_read_by_the_settings_alone() -> None:
    """But for what runs before them: the demo's start, the web process without its token, and the sandbox."""
    before_settings = {"slantweb/demo_env.py", "slantweb/wsgi.py", "slantweb/variables.py", "manage.py"}
    readers = {
        str(path.relative_to(ROOT))
        for room in ("opportunities", "slantweb")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\bos\.(environ|getenv)\b|^import environ", path.read_text(), re.MULTILINE)
    }

    assert readers - before_settings == {
        "opportunities/demo/supervisor.py",
        "opportunities/sandbox/__main__.py",
    }


def test_every_stop_of_the_walk_of_a_submission_is_a_function_in_its_file() -> None:
    walk = (ROOT / "docs" / "architecture.md").read_text().split("The code of it")[1].split("\n## ")[0]
    rows = [row for row in walk.splitlines() if re.match(r"\| \d", row)]
    stops = re.findall(r"`([\w/]+\.py): (\w+)`((?:, `\w+`)*)", "\n".join(rows))
    named = [(file, name) for file, first, more in stops for name in (first, *re.findall(r"`(\w+)`", more))]

    missing = [
        f"{file}: {name}"
        for file, name in named
        if not re.search(rf"^ *def {name}\(", (ROOT / "opportunities" / file).read_text(), re.MULTILINE)
    ]

    assert len(rows) == 14
    assert len(named) >= 20
    assert missing == []


def paths_in(text: str) -> Iterator[str]:
    """Names in backticks that look like a file or folder of this project, without placeholders."""
    for name in re.findall(r"`([\w./-]+)`", text):
        if name.startswith(("/", ".")) or "/" not in name:
            continue
        if name.endswith((".py", ".html", ".js", ".css", ".md", ".sql", ".json")) or name.startswith(ROOMS):
            yield name


def is_there(name: str) -> bool:
    return any((start / name).exists() for start in STARTS)


def test_the_architecture_names_every_room_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    table = text.split("## The rooms")[1].split("Where to look")[0]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {name for cell in first_cells for name in re.findall(r"`([\w./]+)`", cell)}
    code = ROOT / "opportunities"
    rooms = {f"{path.name}/" for path in code.iterdir() if (path / "__init__.py").exists()} - {"migrations/"}

    modules = {path.name for path in code.glob("*.py")} - {"__init__.py", "apps.py"}

    assert {name for name in named if name.endswith("/")} - {"slantweb/"} == rooms
    assert {name.rpartition("/")[2] for name in named if name.endswith(".py")} == modules


def test_the_section_on_adding_a_field_names_every_file_that_names_one() -> None:
    """The close date, which both forms have, shows which files an engineer who adds a field must change."""
    section = (ROOT / "docs" / "adding-things.md").read_text().split("## A field")[1].split("\n## ")[0]
    named = set(re.findall(r"`([\w/.-]+\.(?:py|html))`", section))
    rooms = ("forms", "slant", "sandbox", "models", "mirror", "views")
    paths = [path for room in rooms for path in (ROOT / "opportunities" / room).rglob("*.py")]
    paths += (ROOT / "templates").rglob("*.html")
    having = {
        str(path.relative_to(ROOT)) for path in paths if re.search(r"\btarget_close_date\b", path.read_text())
    }

    assert having - named - OF_DATES_ALONE == set()
