"""`make lint`: migrations that the release before can live with (docs/adding-things.md, "A migration").

While an upgrade is under way, and after going back, the old code runs on the new tables. So a migration only
adds (expand). What nothing uses any more is removed a release later (contract), by a migration that names the
release which stopped using it: `contracts_after = "1.2.0"` in its class.
"""

import os
import re
import sys
from collections.abc import Iterator

import django
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field
from django.db.models.fields import NOT_PROVIDED

from tests.support.environment import ROOT

APP = "opportunities"
# Shipped before there was a rule, and never edited.
LAST_SHIPPED = 27
REMOVES = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    found = [line for name, problems in judge_all().items() for line in (f"{name}: {p}" for p in problems)]
    print("\n".join(found) or "migrations ok")
    return 1 if found else 0


def judge_all() -> dict[str, list[str]]:
    """What the release before could not live with, by the name of each newer migration."""
    loader = MigrationLoader(None)
    found = {}
    for app, name in sorted(loader.disk_migrations):
        if app == APP and int(name.split("_")[0]) > LAST_SHIPPED:
            before = loader.project_state([(app, name)], at_end=False)
            found[name] = judge(loader.disk_migrations[app, name], before, releases())
    return found


def releases() -> set[str]:
    """The versions that have a section in CHANGELOG.md."""
    text = (ROOT / "CHANGELOG.md").read_text()
    return set(re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", text, re.MULTILINE))


def judge(migration: migrations.Migration, before: ProjectState, known: set[str]) -> list[str]:
    """Why the code of the release before could not live with `migration`; empty when it can."""
    release = getattr(migration, "contracts_after", "")
    if release and release not in known:
        return [f"contracts_after names {release}, which has no section in CHANGELOG.md"]
    found, state = [], before.clone()
    for operation in migration.operations:
        problems = _irreversible(operation) + ([] if release else list(_breaking(operation, state)))
        found += [f"{operation.describe()}: {problem}" for problem in problems]
        operation.state_forwards(APP, state)
    return found


def _irreversible(operation: Operation) -> list[str]:
    return [] if operation.reversible else ["it has no way back"]


def _breaking(operation: Operation, state: ProjectState) -> Iterator[str]:
    match operation:
        case migrations.SeparateDatabaseAndState():
            for inner in operation.database_operations:
                yield from _breaking(inner, state)
        case migrations.AddField(field=field) if _must_be_given(field):
            yield "code that does not know the field cannot add rows: allow NULL or give db_default"
        case migrations.AlterField(model_name=model, name=name, field=field):
            yield from _narrowed(state.models[APP, model.lower()].fields[name], field)
        case _ if isinstance(operation, REMOVES):
            yield "the code of the release before still uses it: remove it a release later (contracts_after)"


def _narrowed(old: Field, new: Field) -> Iterator[str]:
    if old.null and _must_be_given(new):
        yield "code that does not know it writes NULL: keep NULL or give db_default"
    if old.get_internal_type() != new.get_internal_type():
        yield "the code of the release before writes the old type: add a field of the new one"
    if old.max_length and new.max_length and new.max_length < old.max_length:
        yield "the code of the release before writes longer text"


def _must_be_given(field: Field) -> bool:
    return not (field.null or field.many_to_many or field.generated or field.db_default is not NOT_PROVIDED)


if __name__ == "__main__":
    sys.exit(main())
