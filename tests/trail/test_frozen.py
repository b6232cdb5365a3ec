"""What the database itself keeps of a submission, whoever asks it to forget: no trigger is dropped here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field

from opportunities import mirror
from opportunities.delivery.connection import metered
from opportunities.models import Role, State, Submission
from opportunities.runtime.budget import Share
from opportunities.trail.verify.whole import verify
from tests.support.databases import APP_ROLE, grant
from tests.support.office import Office
from tests.support.people import make_person
from tests.support.slant_box import SlantBox, TurnedClock

TABLE = "opportunities_submission"
COLUMNS = [column for column in Submission._meta.concrete_fields if column.name != "id"]
FROZEN_WHOLE = ("opportunities", "0012_frozen_whole")
SEEN = ("seen", "labels", "supersedes_id", "duplicate_of")


def refuses(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return True
    return False


def other_value(column: "Field[Any, Any]") -> str:
    """An expression of SQL that is another value of that column, whatever it holds."""
    kind = column.get_internal_type()
    if kind == "JSONField":
        return """'{"other": 1}'"""
    if kind == "DateTimeField":
        return "'2001-01-01 00:00:00+00'" if connection.vendor == "postgresql" else "'2001-01-01 00:00:00'"
    if kind == "UUIDField":
        return "'0b5e0000000000000000000000000000'"
    if kind == "ForeignKey":
        return "id" if column.attname == "supersedes_id" else f"{column.column} + 1"
    if kind == "BooleanField":
        return f"NOT {column.column}"
    if kind in ("CharField", "TextField"):
        return "'rejected'" if column.attname == "state" else "'other'"
    return f"coalesce({column.column}, 0) + 1"


def test_a_final_submission_changes_in_nothing_but_whether_its_owner_was_told(office: Office) -> None:
    """Every column there is, so that one added later is thought of too."""
    office.submit()
    office.round()
    row = Submission.objects.values().get()
    assert row["state"] == State.CONFIRMED

    changeable = [
        column.attname
        for column in COLUMNS
        if not refuses(f"UPDATE {TABLE} SET {column.column} = {other_value(column)}")
    ]

    assert changeable == ["told"]
    assert Submission.objects.values().get() == row | {"told": not row["told"]}
    assert verify().code == 0


def test_what_was_seen_and_what_it_is_about_never_change(office: Office) -> None:
    """While it waits, too: `seen` decides what is a conflict, and an edit's deal is where it is sent."""
    row = office.submit()
    assert row.state == State.QUEUED

    for column in COLUMNS:
        if column.attname in SEEN:
            assert refuses(f"UPDATE {TABLE} SET {column.column} = {other_value(column)}"), column.attname
    # What the worker changes of it all the time.
    assert not refuses(f"UPDATE {TABLE} SET reason_code = 'budget', due_at = NULL, opportunity_id = 'op_1'")
    # A create gets its record once; a change has it from the beginning.
    assert refuses(f"UPDATE {TABLE} SET opportunity_id = 'op_2'")


@contextmanager
def as_migrator() -> Iterator[None]:
    """Outside of transactions, as whoever runs `manage.py migrate`: on PostgreSQL the owner of the tables."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE NONE")
    try:
        yield
        # Tables that were made again have no rights yet.
        with connection.cursor() as cursor:
            grant(lambda statement: cursor.execute(statement, None))
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {APP_ROLE}")


def test_a_database_with_submissions_takes_the_triggers_and_gives_them_back(
    committed_db: str, box: SlantBox, clock: TurnedClock
) -> None:
    """As an update does it: rows in several stages of life, migrated back and forth, and not one of them
    changed.
    """
    assert mirror.sync(metered(box.client(), Share.SYNC, clock), clock=clock)
    office = Office(make_person("Theo Okafor", Role.SALES, member_id="u_9xw20c"), box, clock)
    office.submit()
    office.round()
    office.submit(name="Waiting")
    before = list(Submission.objects.order_by("pk").values())
    final = f"UPDATE {TABLE} SET reason_text = 'other' WHERE state = 'confirmed'"
    with as_migrator():
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.node_map[FROZEN_WHOLE].parents)
        assert list(Submission.objects.order_by("pk").values()) == before
        with transaction.atomic():
            assert not refuses(final)
            assert refuses(f"UPDATE {TABLE} SET state = 'queued' WHERE state = 'confirmed'")
            transaction.set_rollback(True)
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())

    assert list(Submission.objects.order_by("pk").values()) == before
    assert refuses(final)
    office.round()
    assert set(Submission.objects.values_list("state", flat=True)) == {State.CONFIRMED}
    assert verify().code == 0
