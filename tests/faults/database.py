"""Databases in memory, copied from a template in a millisecond, that can fail at every statement and commit.

All actors of a deployment share one SQLite connection. That is exact, not a shortcut: SQLite has one writer
at a time, so actors hand over only outside transactions, and whoever stands outside one sees what is
committed. A crash may come anywhere; whatever was not committed is rolled back, as SQLite does when the file
is opened again.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.core.management import call_command
from django.db import connections
from django.db.backends.sqlite3.base import FORMAT_QMARK_REGEX, DatabaseWrapper, SQLiteCursorWrapper
from django.db.backends.utils import CursorWrapper

Point = Callable[[str, str], None]
HOUSEKEEPING = ("RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "PRAGMA")


@cache
def _marked(sql: str) -> str:
    """The SQL with SQLite's placeholders in place of Django's."""
    return FORMAT_QMARK_REGEX.sub("?", sql).replace("%%", "%")


class _Cursor(SQLiteCursorWrapper):
    def convert_query(self, query: str, *, param_names: Any = None) -> Any:
        return (
            _marked(query) if param_names is None else super().convert_query(query, param_names=param_names)
        )


class _Watched(CursorWrapper):
    """Django's cursor, asking before each statement."""

    def execute(self, sql: str, params: Any = None) -> Any:
        database = self.db
        if database.point is not None and not sql.startswith(HOUSEKEEPING):
            database.point("statement", sql)
        return self._execute(sql, params)


class SimulatedDatabase(DatabaseWrapper):
    """Django's SQLite, asking `point` before each statement and around each commit whether to go on."""

    def __init__(self) -> None:
        settings = connections.settings["default"] | {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA foreign_keys=ON;",
                "cached_statements": 1000,
            },
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": False,
        }
        super().__init__(settings)
        self.ops.compiler_module = "tests.faults.compiler"
        self.point: Point | None = None
        self.connect()

    @property
    def raw(self) -> sqlite3.Connection:
        raw: sqlite3.Connection = self.connection
        return raw

    def create_cursor(self, name: str | None = None) -> Any:
        return self.raw.cursor(factory=_Cursor)

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        return _Watched(cursor, self)

    def run(self, sql: str, params: Any) -> sqlite3.Cursor:
        """One statement in Django's words, without Django's layers around it."""
        if self.point is not None:
            self.point("statement", sql)
        if self.needs_rollback:
            self.validate_no_broken_transaction()
        with self.wrap_database_errors:
            return self.raw.execute(_marked(sql), params)

    def _commit(self) -> None:
        if self.point is not None:
            self.point("commit", "")
        super()._commit()
        if self.point is not None:
            self.point("committed", "")

    def _set_autocommit(self, autocommit: bool) -> None:
        if autocommit and self.raw.in_transaction:
            # Its process died before the commit, so it is lost; sqlite3 would commit it on the way.
            self.raw.rollback()
        super()._set_autocommit(autocommit)

    def forget_open_work(self) -> None:
        """Roll back the open transaction of a process that was killed."""
        if self.raw.in_transaction:
            self.raw.rollback()
        self.in_atomic_block = self.needs_rollback = False
        self.savepoint_ids, self.run_on_commit, self.atomic_blocks = [], [], []
        self.autocommit = True

    def become(self, other: sqlite3.Connection) -> None:
        """Replace the whole content, as restoring a backup does."""
        self.forget_open_work()
        other.backup(self.raw)

    def snapshot(self) -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:")
        self.raw.backup(copy)
        return copy

    def rows(self, sql: str, *params: Any) -> list[Any]:
        """Query without side effects, for the checker."""
        return self.raw.execute(sql, params).fetchall()


@contextmanager
def default_database(database: DatabaseWrapper) -> Iterator[None]:
    """Make `database` the application's default connection in this thread."""
    before = connections["default"]
    connections["default"] = database
    try:
        yield
    finally:
        connections["default"] = before


def migrated() -> SimulatedDatabase:
    database = SimulatedDatabase()
    with default_database(database):
        call_command("migrate", verbosity=0, interactive=False)
    return database
