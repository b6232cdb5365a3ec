"""The variables that Slantweb reads, so that tests can start without any of them."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

FOR_TESTS = {"CHROMIUM", "TEST_DATABASE_URL"}


def documented_names() -> set[str]:
    """Every variable named in `.env.example`, which is also where people look them up."""
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def forget_environment() -> None:
    """Remove the application's variables of a developer's shell. The variables of the tests themselves are
    kept.
    """
    for name in documented_names() - FOR_TESTS:
        os.environ.pop(name, None)


def clean_environment(**variables: str) -> dict[str, str]:
    """An environment for a child process: the shell's without any Slantweb variable, then `variables`."""
    dropped = documented_names() | {"DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in dropped} | variables
