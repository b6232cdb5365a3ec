"""Checks of the database: role, migrations, rights, connections and clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from opportunities.clock import CLOCKS_DIFFER, SystemClock
from opportunities.doctor.diagnosis import Diagnosis, Plan, Process, ok, problem, warning
from opportunities.runtime import grants

# Connections besides those of web and worker: commands, a backup, a person with a console.
OTHER_CONNECTIONS = 5
# A worker receives wake-ups on a connection outside its pool.
HEARING = 1


def look_at_role(plan: Plan) -> Iterator[Diagnosis]:
    if connection.vendor == "sqlite":
        yield warning(
            "SQLite: web and worker run as one user, so the web can read the token. That is for one person's "
            "machine; for a firm set DATABASE_URL to PostgreSQL."
        )
        return
    name, is_super, version = _row(
        "SELECT current_user, rolsuper, current_setting('server_version') FROM pg_roles "
        "WHERE rolname = current_user"
    )
    if is_super:
        yield problem(
            f"{name} is a superuser, who may rewrite the trail. Let DATABASE_URL name "
            f"{_role_of(plan)}, and keep the owner for migrate and grants."
        )
    else:
        yield ok(f"PostgreSQL {version.split()[0]} as {name}")


def look_at_migrations(plan: Plan) -> Iterator[Diagnosis]:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in pending[:3])
        more = f" and {len(pending) - 3} more" if len(pending) > 3 else ""
        yield problem(f"{names}{more} did not run. As the owner: manage.py migrate, then manage.py grants.")
    unknown = executor.loader.applied_migrations.keys() - executor.loader.disk_migrations.keys()
    if newer := sorted(name for app, name in unknown if app == "opportunities"):
        yield warning(f"the database is of a newer version than this code: it has {newer[-1]}.")
    elif not pending:
        yield ok("all ran")


def look_at_rights(plan: Plan) -> Iterator[Diagnosis]:
    if connection.vendor != "postgresql":
        return
    (name,) = _row("SELECT current_user")
    expected_role = _role_of(plan)
    if plan.process == Process.WEB and name == grants.WORKER:
        yield warning(f"the web uses the worker's role. Give it {grants.WEB} in its DATABASE_URL.")
        expected_role = grants.WORKER
    differences = grants.compare_rights(name, expected_role)
    for words in differences:
        yield problem(f"{words} As the owner: manage.py grants.")
    if not differences:
        yield ok(f"{name} may do what {expected_role} should, and no more")


def look_at_connections(plan: Plan) -> Iterator[Diagnosis]:
    if connection.vendor != "postgresql":
        return
    server, reserved, of_role, of_database = _row(
        "SELECT current_setting('max_connections')::int, "
        "current_setting('superuser_reserved_connections')::int, rolconnlimit, datconnlimit "
        "FROM pg_roles, pg_database "
        "WHERE rolname = current_user AND datname = current_database()"
    )
    of_one = settings.DATABASE_CONNECTIONS
    of_workers = plan.workers * (of_one + HEARING)
    needed = plan.webs * of_one + of_workers + OTHER_CONNECTIONS
    own_connections = plan.webs * of_one if plan.process == Process.WEB else of_workers
    processes = f"{plan.webs} web processes, {plan.workers} workers and {OTHER_CONNECTIONS} others"
    remedy = "Raise it, or lower DATABASE_CONNECTIONS."
    if needed > server - reserved:
        yield problem(f"{processes} want {needed}, max_connections leaves {server - reserved}. {remedy}")
    elif 0 <= of_role < own_connections:
        yield problem(
            f"the processes of this role want {own_connections}, its CONNECTION LIMIT is {of_role}. {remedy}"
        )
    elif 0 <= of_database < needed:
        yield problem(
            f"{processes} want {needed}, the database's CONNECTION LIMIT is {of_database}. {remedy}"
        )
    else:
        yield ok(f"{processes} want {needed}, and {server - reserved} are allowed")


def look_at_clock(plan: Plan) -> Iterator[Diagnosis]:
    apart = abs(datetime.now(UTC) - SystemClock().now())
    if apart > CLOCKS_DIFFER:
        yield problem(
            f"this machine and the database are {apart.total_seconds():.0f} s apart. Let both follow a time "
            "server (chrony, systemd-timesyncd): sign-in goes by this clock."
        )
    else:
        yield ok("within half a minute of the database's")


def _role_of(plan: Plan) -> str:
    return grants.WEB if plan.process == Process.WEB else grants.WORKER


def _row(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row: tuple[Any, ...] = cursor.fetchone()
        return row
