"""`manage.py grants` on PostgreSQL: all rights or none, and in words what is missing."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.utils import ProgrammingError

from opportunities.models import ExportSignature
from opportunities.runtime import grants
from tests.support.databases import become_the_owner, fresh_copy

POSTGRESQL = pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="SQLite knows no roles")
BEFORE_SIGNATURES = "0023"


def run_grants() -> str:
    said = StringIO()
    call_command("grants", stdout=said)
    return said.getvalue()


def run_statement(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def working_as(role: str) -> Iterator[None]:
    """In a transaction that is rolled back, as what is refused breaks it."""
    with transaction.atomic():
        run_statement(f"SET LOCAL ROLE {role}")
        yield
        transaction.set_rollback(True)


def is_refused(role: str, statement: str) -> bool:
    try:
        with working_as(role):
            run_statement(statement)
    except ProgrammingError:
        return True
    return False


def rights() -> set[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants "
            "WHERE grantee LIKE 'slantweb%'"
        )
        return set(cursor.fetchall())


@pytest.fixture
def owner(django_db_setup: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[str]:
    """A database whose owner is no superuser, as which we are connected; yields the owner's name."""
    name, settings = f"owner_{secrets.token_hex(4)}", connections.settings["default"]
    as_before = dict(settings.get("OPTIONS", {}))
    with django_db_blocker.unblock(), fresh_copy(tmp_path):
        become_the_owner()
        run_statement(f"CREATE ROLE {name}")
        run_statement(f"GRANT CREATE ON SCHEMA public TO {name}")
        for table in grants.all_tables():
            run_statement(f"ALTER TABLE {table} OWNER TO {name}")
        connection.close()
        settings["OPTIONS"] = as_before | {"options": f"-c role={name}"}
        try:
            yield name
        finally:
            connection.close()
            become_the_owner()
            run_statement(f"DROP OWNED BY {name} CASCADE")
            run_statement(f"DROP ROLE {name}")
            settings["OPTIONS"] = as_before


def test_each_right_is_of_a_table_that_exists() -> None:
    named = {*grants.WORKER_RIGHTS, *grants.WEB_RIGHTS, *grants.WEB_COLUMNS, grants.LEASES}

    assert named <= set(grants.all_tables())


def test_on_sqlite_there_is_nothing_to_grant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connection), "vendor", "sqlite", raising=False)

    assert run_grants() == "SQLite knows no roles, so there is nothing to grant.\n"


@POSTGRESQL
def test_after_an_upgrade_both_roles_read_the_new_table_and_after_grants_they_write_it(owner: str) -> None:
    run_grants()
    call_command("migrate", "opportunities", BEFORE_SIGNATURES, verbosity=0)
    call_command("migrate", verbosity=0)

    for role in grants.ROLES:
        with working_as(role):
            assert not ExportSignature.objects.exists()
    adding = "INSERT INTO opportunities_exportsignature (started, asked_at, closing) VALUES (1, now(), '')"
    assert is_refused(grants.WEB, adding)

    assert run_grants() == (
        f"slantweb_app and slantweb_web have their rights on {len(grants.all_tables())} tables.\n"
    )
    assert not is_refused(grants.WEB, adding)
    assert is_refused(grants.WEB, "DELETE FROM opportunities_exportsignature")
    assert not is_refused(grants.WORKER, "DELETE FROM opportunities_exportsignature")
    for role in grants.ROLES:
        assert is_refused(role, "UPDATE opportunities_auditevent SET outcome = 'ok'")
        assert grants.compare_rights(role, role) == []


@POSTGRESQL
@pytest.mark.parametrize("share", [0.2, 0.8])
def test_a_failure_in_the_middle_leaves_every_right_as_it_was(
    owner: str, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    run_statement("GRANT DELETE ON opportunities_submission TO slantweb_web")
    before, whole = rights(), grants.statements()
    middle = int(len(whole) * share)
    monkeypatch.setattr(
        grants, "statements", lambda: [*whole[:middle], "GRANT ALL ON nothing TO nobody", *whole[middle:]]
    )

    with pytest.raises(CommandError, match=r"Nothing was granted: relation .nothing. does not exist"):
        run_grants()

    assert rights() == before
    monkeypatch.undo()
    run_grants()
    assert rights() != before


@POSTGRESQL
def test_it_says_which_role_is_missing_and_who_may_make_it(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rights()
    monkeypatch.setattr(grants, "ROLES", (grants.WORKER, "slantweb_missing"))

    with pytest.raises(CommandError) as told:
        run_grants()

    assert str(told.value) == (
        "Nothing was granted.\n"
        "There is no role slantweb_missing. As a superuser, or a role with CREATEROLE: "
        "CREATE ROLE slantweb_missing LOGIN PASSWORD '...';"
    )
    assert rights() == before


@POSTGRESQL
def test_it_says_whose_the_tables_are_and_what_was_not_migrated(owner: str) -> None:
    run_statement("SET ROLE NONE")
    run_statement("ALTER TABLE opportunities_draft OWNER TO slantweb_app")
    run_statement("DROP TABLE opportunities_exportsignature")
    run_statement(f"SET ROLE {owner}")

    with pytest.raises(CommandError) as told:
        run_grants()

    assert str(told.value).splitlines()[1:] == [
        f"There is no opportunities_exportsignature. First, as {owner}: manage.py migrate",
        f"opportunities_draft belong to slantweb_app, and you are {owner}. Run this as slantweb_app.",
    ]


@POSTGRESQL
def test_a_right_that_comes_by_public_is_told_and_nothing_is_granted(owner: str) -> None:
    run_statement("GRANT DELETE ON opportunities_auditevent TO PUBLIC")
    before = rights()

    with pytest.raises(CommandError, match="slantweb_web may DELETE opportunities_auditevent, by itself"):
        run_grants()

    assert rights() == before
