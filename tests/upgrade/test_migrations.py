"""New migrations only add: the code of the release before runs on their tables, and so one can go back."""

from collections.abc import Callable

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.support.migrations import APP, LAST_SHIPPED, judge, judge_all


@pytest.fixture(scope="module")
def today() -> ProjectState:
    return MigrationLoader(None).project_state()


Judge = Callable[..., list[str]]


@pytest.fixture
def judged(today: ProjectState) -> Judge:
    def run(*operations: Operation, contracts_after: str = "") -> list[str]:
        migration = migrations.Migration("9999_next", APP)
        migration.operations = list(operations)
        if contracts_after:
            migration.contracts_after = contracts_after  # type: ignore[attr-defined]  # as one writes it
        return judge(migration, today, {"1.2.0"})

    return run


def test_all_of_ours_can_be_lived_with() -> None:
    found = judge_all()

    assert all(int(name.split("_")[0]) > LAST_SHIPPED for name in found)
    assert {name: problems for name, problems in found.items() if problems} == {}


text = models.CharField(max_length=10)
REFUSED = {
    "a field that must be given": migrations.AddField("lease", "colour", text),
    "one that Django alone has a default for": migrations.AddField(
        "lease", "colour", models.CharField(max_length=10, default="red")
    ),
    "a removed field": migrations.RemoveField("lease", "fence"),
    "a renamed field": migrations.RenameField("lease", "fence", "turn"),
    "a removed table": migrations.DeleteModel("Lease"),
    "a renamed table": migrations.RenameModel("Lease", "Right"),
    "no NULL any more": migrations.AlterField("lease", "until", models.DateTimeField()),
    "another type": migrations.AlterField("lease", "owner", models.IntegerField(default=0)),
    "shorter text": migrations.AlterField("lease", "owner", text),
    "SQL without a way back": migrations.RunSQL("SELECT 1"),
    "a function without a way back": migrations.RunPython(lambda apps, editor: None),
    "what is hidden from the state": migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RemoveField("lease", "fence")]
    ),
}


@pytest.mark.parametrize("operation", REFUSED.values(), ids=REFUSED)
def test_what_the_release_before_cannot_live_with_is_refused(judged: Judge, operation: Operation) -> None:
    assert len(judged(operation)) == 1


TAKEN = {
    "a field that may be NULL": migrations.AddField("lease", "colour", models.IntegerField(null=True)),
    "one that the database has a default for": migrations.AddField(
        "lease", "colour", models.CharField(max_length=10, db_default="")
    ),
    "a table": migrations.CreateModel("Colour", [("id", models.BigAutoField(primary_key=True))]),
    "longer text": migrations.AlterField("lease", "owner", models.CharField(max_length=300)),
    "an index": migrations.AddIndex("lease", models.Index(fields=["until"], name="lease_until")),
    "SQL with a way back": migrations.RunSQL("SELECT 1", migrations.RunSQL.noop),
}


@pytest.mark.parametrize("operation", TAKEN.values(), ids=TAKEN)
def test_what_only_adds_is_taken(judged: Judge, operation: Operation) -> None:
    assert judged(operation) == []


def test_what_nothing_uses_is_removed_after_a_release_that_exists(judged: Judge) -> None:
    removal = migrations.RemoveField("lease", "fence")

    assert judged(removal, contracts_after="1.2.0") == []
    assert judged(removal, contracts_after="7.7.7") == [
        "contracts_after names 7.7.7, which has no section in CHANGELOG.md"
    ]
    assert len(judged(migrations.RunSQL("SELECT 1"), contracts_after="1.2.0")) == 1
