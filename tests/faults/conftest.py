"""How long the fault tests take, and which history they replay."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "simulated histories")
    group.addoption("--seed", type=int, help="only the history of this seed, printed")
    group.addoption("--always", default="", help="troubles it has besides its own, with commas between")
    group.addoption("--full", action="store_true", help="all planted bugs, the whole sweep")


def is_full(config: pytest.Config) -> bool:
    # Known only when pytest was told of this directory: the whole suite runs without.
    return bool(config.getoption("--full", default=False))


def seed_of(config: pytest.Config) -> int | None:
    seed: int | None = config.getoption("--seed", default=None)
    return seed


def always_of(config: pytest.Config) -> frozenset[str]:
    return frozenset(filter(None, str(config.getoption("--always", default="")).split(",")))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --seed, that history alone. On PostgreSQL none: a simulation has its own SQLite databases."""
    here = [item for item in items if "simulated" in getattr(item, "fixturenames", ())]
    if "sqlite" not in settings.DATABASES["default"]["ENGINE"]:
        for item in here:
            item.add_marker(pytest.mark.skip(reason="simulated on SQLite, once"))
    if seed_of(config) is not None:
        items[:] = [item for item in here if item.name == "test_one_seed_again"]


@pytest.fixture
def simulated(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let a test use Django's database layer; the databases are the simulation's own, in memory."""
    with django_db_blocker.unblock():
        yield


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the figures that tests recorded, whichever process they ran in."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    figures = [text for report in reports for name, text in report.user_properties if name == "figures"]
    if figures:
        terminalreporter.section("figures")
        for text in sorted(figures):
            terminalreporter.write_line(str(text))
