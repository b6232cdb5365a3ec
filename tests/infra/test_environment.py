"""Which Python `make` builds the environment with."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.environment import ROOT

# It answers the three questions of the Makefile, and writes its name instead of making an environment.
STUB = """#!/bin/sh
case "$*" in
    *version_info*) exit {old};;
    *ensurepip*) exit {incomplete};;
    *enable-optimizations*) exit {plain};;
    *"-m venv"*) echo "$0" > chosen; exit 1;;
esac
exit 1
"""


@pytest.fixture
def choose(tmp_path: Path) -> "Choose":
    return Choose(tmp_path)


class Choose:
    def __init__(self, place: Path) -> None:
        self.place = place
        shutil.copy(ROOT / "Makefile", place)
        (place / "requirements.txt").touch()

    def __call__(self, **pythons: str) -> tuple[str, str]:
        """The chosen name and what was printed. Each Python is "old", "incomplete", "plain" or ""."""
        for name, lack in pythons.items():
            stub = self.place / name
            stub.write_text(STUB.format(**{key: int(key == lack) for key in ("old", "incomplete", "plain")}))
            stub.chmod(0o755)
        paths = " ".join(str(self.place / name) for name in pythons)
        command = ["make", "venv-run", f"PYTHONS={paths}"]
        done = subprocess.run(command, cwd=self.place, capture_output=True, text=True, check=False)
        chosen = self.place / "chosen"
        return Path(chosen.read_text().strip()).name if chosen.exists() else "", done.stderr


def test_a_python_built_with_optimisations_comes_before_a_plain_one(choose: Choose) -> None:
    chosen, said = choose(first="plain", second="")

    assert chosen == "second"
    assert "without optimisations" not in said


def test_a_plain_python_serves_with_a_note_where_there_is_no_other(choose: Choose) -> None:
    chosen, said = choose(first="old", second="plain", third="incomplete")

    assert chosen == "second"
    assert "second was built without optimisations" in said


def test_without_a_venv_module_the_message_names_the_package(choose: Choose) -> None:
    chosen, said = choose(first="old", second="incomplete")

    assert chosen == ""
    assert "apt-get install python3-venv" in said


def test_with_old_pythons_only_the_message_names_the_version(choose: Choose) -> None:
    chosen, said = choose(first="old")

    assert chosen == ""
    assert "Slantweb needs Python 3.11 or newer" in said
