"""Databases for tests that really commit.

The trail's triggers refuse DELETE and TRUNCATE, so Django's way of cleaning up after such a test (flush) cannot work.
Each of them gets a copy of the migrated test database instead, and the copy is thrown away.
"""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection, connections


@contextmanager
def fresh_copy(directory: Path) -> Iterator[str]:
    """Point the default connection, in every thread, at a copy of the test database; yields its DATABASE_URL."""
    settings = connections.settings["default"]
    template = settings["NAME"]
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
        settings["NAME"] = template
        if connection.vendor == "postgresql":
            _run(f'DROP DATABASE "{copy}" WITH (FORCE)')


def copy_sqlite(source: str | Path, target: str | Path) -> None:
    """Copy a database together with what still sits in its write-ahead log."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def database_url() -> str:
    """Where the default connection points now, for a child process."""
    settings = connections.settings["default"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    who = quote(settings["USER"] or "", safe="")
    if settings["PASSWORD"]:
        who += ":" + quote(settings["PASSWORD"], safe="")
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"postgresql://{who}@{quote(settings['HOST'] or 'localhost', safe='')}{port}/{settings['NAME']}"


def _run(statement: str) -> None:
    # Django's own door to the server without a database of ours; CREATE and DROP DATABASE need it.
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)
