"""What the database itself refuses, on both databases: changing the past.

An event is never changed or deleted. An attempt changes once, from open to finished. A submission is never deleted,
its frozen request never changes, and a final state stays. Owners of the database can drop a trigger; the signed
checkpoints outside it are what shows that.
"""

from django.db import migrations

FROZEN = ("id", "reference", "kind", "person_id", "by_iss", "by_sub", "by_display", "method", "path", "body",
          "body_sha256", "book_id", "household_id", "name", "value", "form_token", "row", "created_at")
ATTEMPT_FROZEN = ("id", "submission_id", "number", "idempotency_key", "generation", "method", "path", "body_sha256",
                  "fence", "worker", "started_at", "lease_until")

EVENTS, ATTEMPTS, SUBMISSIONS = (
    "opportunities_auditevent", "opportunities_attempt", "opportunities_submission",
)


def _changed(columns, different):
    return " OR ".join(f"OLD.{column} {different} NEW.{column}" for column in columns)


def _rules(different):
    """(name, table, event, condition, message) for each refusal; `different` is the dialect's null-safe inequality."""
    return [
        ("auditevent_no_update", EVENTS, "UPDATE", "", "an audit event cannot be changed"),
        ("auditevent_no_delete", EVENTS, "DELETE", "", "an audit event cannot be deleted"),
        ("attempt_no_delete", ATTEMPTS, "DELETE", "", "an attempt cannot be deleted"),
        ("attempt_once", ATTEMPTS, "UPDATE",
         f"OLD.finished_at IS NOT NULL OR NEW.finished_at IS NULL OR {_changed(ATTEMPT_FROZEN, different)}",
         "an attempt changes once, from open to finished"),
        ("submission_no_delete", SUBMISSIONS, "DELETE", "", "a submission cannot be deleted"),
        ("submission_frozen", SUBMISSIONS, "UPDATE", _changed(FROZEN, different),
         "what was asked for cannot be changed"),
        ("submission_final", SUBMISSIONS, "UPDATE",
         "OLD.state IN ('confirmed', 'rejected', 'withdrawn') AND "
         f"({_changed(('state', 'opportunity_id', 'idempotency_key'), different)})",
         "a final state stays"),
    ]


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        _install_postgresql(schema_editor)
    else:
        _install_sqlite(schema_editor)


def _install_sqlite(schema_editor):
    for name, table, event, condition, message in _rules("IS NOT"):
        when = f"WHEN {condition} " if condition else ""
        schema_editor.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when}"
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _install_postgresql(schema_editor):
    schema_editor.execute(
        "CREATE FUNCTION slantweb_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$",
        params=None,  # a percent sign of PL/pgSQL, not of a placeholder
    )
    for name, table, event, condition, message in _rules("IS DISTINCT FROM"):
        when = f"WHEN ({condition}) " if condition else ""
        schema_editor.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when}"
            f"EXECUTE FUNCTION slantweb_refuse('{message}')"
        )
    for table in (EVENTS, ATTEMPTS, SUBMISSIONS):
        schema_editor.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION slantweb_refuse('the past cannot be truncated')"
        )


def remove(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for name, table, *_ in _rules(""):
        schema_editor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if postgresql else ""))
    if postgresql:
        for table in (EVENTS, ATTEMPTS, SUBMISSIONS):
            schema_editor.execute(f"DROP TRIGGER {table}_no_truncate ON {table}")
        schema_editor.execute("DROP FUNCTION slantweb_refuse()")


def seed(apps, schema_editor):
    """The single rows whose locks order the processes exist from the first migration on."""
    for model in ("ChainHead", "Budget", "Instance"):
        apps.get_model("opportunities", model).objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0001_initial")]

    operations = [
        migrations.RunPython(install, remove),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
