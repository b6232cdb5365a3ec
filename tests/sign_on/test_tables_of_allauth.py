"""In a database that had django-allauth its tables go if nothing is in them, and can be made again."""

from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.support.databases import as_owner

migration = import_module("opportunities.migrations.0013_drop_allauth")


@pytest.fixture
def tables(db: None) -> Iterator[None]:
    """Each refers to the one after it, as allauth's do where they refer to each other."""
    with as_owner():
        with connection.cursor() as cursor:
            later = ""
            for table in reversed(migration.TABLES):
                cursor.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY{later})")
                later = f", other integer REFERENCES {table} (id)"
        MigrationRecorder.Migration.objects.create(app="account", name="0001_initial")
        MigrationRecorder.Migration.objects.create(app="socialaccount", name="0001_initial")
        yield


def drop() -> None:
    migration.drop(apps, SimpleNamespace(connection=connection))


def remaining() -> set[str]:
    return set(migration.TABLES) & set(connection.introspection.table_names())


def recorded() -> set[str]:
    return set(MigrationRecorder.Migration.objects.values_list("app", flat=True)) & set(migration.APPS)


def test_empty_tables_go_and_so_does_the_record_of_how_they_were_made(tables: None) -> None:
    drop()

    assert (remaining(), recorded()) == (set(), set())
    drop()


@pytest.mark.parametrize("table", migration.TABLES)
def test_where_anything_is_in_one_of_them_all_stay(tables: None, table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} (id) VALUES (1)")

    drop()

    assert (remaining(), recorded()) == (set(migration.TABLES), set(migration.APPS))


def test_a_new_database_has_none(db: None) -> None:
    assert (remaining(), recorded()) == (set(), set())
