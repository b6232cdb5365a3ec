"""Databases for tests that really commit.

The trail's triggers refuse DELETE and TRUNCATE, so Django's way of cleaning up after such a test (flush)
cannot work. Instead each such test gets a copy of the migrated test database, which is deleted afterwards.
"""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.management import call_command
from django.db import connection, connections

from opportunities.runtime.grants import ROLES, statements


@contextmanager
def fresh_copy(directory: Path, *, of: str = "") -> Iterator[str]:
    """Point the default connection, in every thread, at a copy of the test database; yields its DATABASE_URL.

    `of` names another database to copy, which nobody is connected to.
    """
    settings = connections.settings["default"]
    before = settings["NAME"]
    template = of or before
    connection.close()
    if connection.vendor == "sqlite":
        copy = str(directory / f"copy-{uuid.uuid4().hex[:8]}.sqlite3")
        copy_sqlite(template, copy)
    else:
        copy = f"{template}_{uuid.uuid4().hex[:8]}"
        _run(f'CREATE DATABASE "{copy}" TEMPLATE "{template}"')
    settings["NAME"] = copy
    try:
        yield database_url()
    finally:
        connections.close_all()
        settings["NAME"] = before
        if connection.vendor == "postgresql":
            _run(f'DROP DATABASE "{copy}" WITH (FORCE)')


@contextmanager
def restored(content: bytes, directory: Path) -> Iterator[str]:
    """Make a database of `content` (a SQLite file, or SQL for PostgreSQL) and migrate it; yields its name."""
    settings = connections.settings["default"]
    before = settings["NAME"]
    become_the_owner()
    if connection.vendor == "sqlite":
        name = str(directory / "restored.sqlite3")
        Path(name).write_bytes(content)
    else:
        name = f"{before}_{uuid.uuid4().hex[:8]}"
        _run(f'CREATE DATABASE "{name}"')
    settings["NAME"] = name
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(content.decode())
            # A dump leaves its session without a search path.
            connection.close()
        call_command("migrate", verbosity=0)
        become_the_application()
        connection.close()
        settings["NAME"] = before
        yield name
    finally:
        connections.close_all()
        settings["NAME"] = before
        if connection.vendor == "postgresql":
            _run(f'DROP DATABASE "{name}" WITH (FORCE)')


def copy_sqlite(source: str | Path, target: str | Path) -> None:
    """Copy a database together with the content of its write-ahead log."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def database_url() -> str:
    """The URL of the default connection's present database and role, for a child process."""
    settings = connections.settings["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    who = quote(settings["USER"] or "", safe="")
    if settings["PASSWORD"]:
        who += ":" + quote(settings["PASSWORD"], safe="")
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    url = f"postgresql://{who}@{quote(settings['HOST'] or 'localhost', safe='')}{port}/{settings['NAME']}"
    return as_application(url) if AS_APPLICATION in settings.get("OPTIONS", {}).values() else url


def _run(statement: str) -> None:
    # Django's own connection to the server without a database; CREATE and DROP DATABASE need it.
    with connection._nodb_cursor() as cursor:
        cursor.execute("SET ROLE NONE")
        cursor.execute(statement)


# The roles on PostgreSQL, with the rights of `manage.py grants`: what the suite runs under there.

APP_ROLE, WEB_ROLE = ROLES
AS_APPLICATION = f"-c role={APP_ROLE}"


def as_application(url: str) -> str:
    """`url` for a process that has the application's rights and no others; SQLite knows no roles."""
    return f"{url}?options={quote(AS_APPLICATION)}" if url.startswith("postgres") else url


def as_web(url: str) -> str:
    """`url`, made by `as_application`, for a web process: with the rights of the web's own role."""
    return url.replace(APP_ROLE, WEB_ROLE)


def grant(execute: Callable[[str], Any]) -> None:
    """Make the application's roles, once for each server, with the rights of `manage.py grants`."""
    for role in (APP_ROLE, WEB_ROLE):
        execute(
            f"DO $$ BEGIN CREATE ROLE {role}; "
            "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
    for statement in statements():
        execute(statement)


def become_the_application() -> None:
    """From here on the default connection, in every thread, has only the rights of `manage.py grants`."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        grant(lambda statement: cursor.execute(statement, None))
    connection.close()
    connections.settings["default"].setdefault("OPTIONS", {})["options"] = AS_APPLICATION


def become_the_owner() -> None:
    """Use the owner's rights again, to remove the database."""
    connection.close()
    connections.settings["default"].get("OPTIONS", {}).pop("options", None)


@contextmanager
def as_owner() -> Iterator[None]:
    """Run a block with the rights of the tables' owner, inside a transaction on this connection."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
    yield
    # A rollback also undoes the change of role.
    if not connection.needs_rollback:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {APP_ROLE}")
