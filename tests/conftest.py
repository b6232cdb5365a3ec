"""Fixtures and hooks of all tests. The rest is in tests/support, one file for each concern."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.test.utils import setup_databases, teardown_databases

from tests.support.network import network_off

pytest_plugins = ["tests.support.people", "tests.support.processes", "tests.support.browser"]

# On a shared machine deadlines fail without a reason. CI tries more examples than a developer's run.
hypothesis.settings.register_profile("daily", deadline=None, max_examples=25)
hypothesis.settings.register_profile("ci", deadline=None, max_examples=50, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "daily")


# A test that uses a database requests one of these. Without them pytest-django refuses every query.
DATABASE_FIXTURES = {"db", "django_db_setup", "installation_template"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--with-database", action="store_true", help="only tests that reach a database")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        marker = item.get_closest_marker("django_db")
        transactional = marker and (marker.kwargs.get("transaction") or marker.args[:1] == (True,))
        if transactional or fixtures & {"transactional_db", "live_server"}:
            raise pytest.UsageError(
                f"{item.nodeid}: the trail's triggers refuse Django's flush; use the fixture committed_db."
            )
        # Tests that use a browser or an installation are marked automatically.
        if "browser" in fixtures:
            item.add_marker("browser")
        elif fixtures & {"installation_template", "installation"}:
            item.add_marker("process")
    # Long files first, so that one worker does not run a long file at the end while the other is idle.
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    # Playwright keeps an event loop in this thread, and Django's ORM refuses to work in such a thread.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    if config.getoption("--with-database"):
        without = [item for item in items if not _reaches_database(item)]
        items[:] = [item for item in items if _reaches_database(item)]
        config.hook.pytest_deselected(items=without)


def pytest_collection_finish() -> None:
    """Exclude modules and test items from garbage collection, because they stay until the end."""
    gc.collect()
    gc.freeze()


def _reaches_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & DATABASE_FIXTURES) or item.get_closest_marker("django_db") is not None


@pytest.fixture(autouse=True, scope="session")
def _network_off() -> Iterator[None]:
    with network_off():
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, django_db_modify_db_settings: None
) -> Iterator[None]:
    """The test database, made once. pytest-django's own makes none when only `committed_db` is asked for."""
    from tests.support.databases import become_the_application, become_the_owner

    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
        become_the_application()
    yield
    with django_db_blocker.unblock():
        become_the_owner()
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[str]:
    """A database of this test alone, where commits are real and other threads and processes see them.

    Yields its DATABASE_URL. Use it instead of `db`, with `make_person` and `make_firm`.
    """
    from tests.support.databases import fresh_copy

    with django_db_blocker.unblock(), fresh_copy(tmp_path) as url:
        yield url


@pytest.fixture(scope="session")
def base_url(shared_installation: Any) -> str:
    """The address below which `page.goto("/board/")` goes.

    It is here because only a fixture of a conftest replaces the one of pytest-playwright.
    """
    return str(shared_installation.url)
