"""The two kinds of database a test can have."""

import threading
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from opportunities.models import Person
from tests.support.databases import APP_ROLE, database_url
from tests.support.people import Firm, make_firm, make_person
from tests.support.processes import Template


def test_without_a_fixture_that_brings_one_no_database_is_reached() -> None:
    """So the run on PostgreSQL may leave such tests out (`--with-database`)."""
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Person.objects.exists()


def test_rolled_back_after_each_test(db: None, firm: Firm, owner: Person) -> None:
    assert list(Person.objects.all()) == [owner]


@pytest.mark.parametrize("again", [False, True])
def test_a_committed_database_starts_empty_and_other_threads_see_it(committed_db: str, again: bool) -> None:
    make_firm()
    make_person("Olivia Owner")
    seen: list[str] = []

    def look() -> None:
        seen.extend(Person.objects.values_list("name", flat=True))
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == ["Olivia Owner"]
    assert committed_db == database_url()


def test_what_was_committed_elsewhere_is_gone(db: None) -> None:
    assert not Person.objects.exists()


@pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="SQLite knows no roles")
def test_processes_of_a_test_have_the_rights_of_the_application_and_no_others(
    committed_db: str, installation_template: Template, tmp_path: Path
) -> None:
    installation = installation_template.furnish(tmp_path)
    try:
        for url in (committed_db, installation):
            with psycopg.connect(url) as child:
                assert child.execute("SELECT current_user").fetchall() == [(APP_ROLE,)]
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    child.execute("UPDATE opportunities_auditevent SET outcome = 'ok'")
    finally:
        installation_template.clear(installation)
