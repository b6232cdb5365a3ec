"""Databases in memory, made from one template in a millisecond, with a point of decision at every statement and commit.

All actors of a house share one SQLite connection. That is exact, not a shortcut: SQLite has one writer at a time, so
actors hand over only outside transactions, and whoever stands outside one sees what is committed. A crash may come
anywhere; whatever was not committed is rolled back, as SQLite does when the file is opened again.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

Point = Callable[[str, str], None]
HOUSEKEEPING = ("RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "PRAGMA")


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
        self.execute_wrappers.append(self._statement)
        self.connect()

    @property
    def raw(self) -> sqlite3.Connection:
        raw: sqlite3.Connection = self.connection
        return raw

    def _statement(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.point is not None and not sql.startswith(HOUSEKEEPING):
            self.point("statement", sql)
        return execute(sql, params, many, context)

    def _commit(self) -> None:
        if self.point is not None:
            self.point("commit", "")
        super()._commit()
        if self.point is not None:
            self.point("committed", "")

    def forget_open_work(self) -> None:
        """What the death of a process leaves of its transaction: nothing."""
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
        """Look without being noticed: for the checker."""
        return self.raw.execute(sql, params).fetchall()


@contextmanager
def default_database(database: DatabaseWrapper) -> Iterator[None]:
    """Let the application's default connection, in this thread, be `database`."""
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
