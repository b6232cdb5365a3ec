"""What the trail's page asks by, and the ways around 0002 that SQLite leaves open.

SQLite's REPLACE takes the old row away without firing a trigger on DELETE, so adding a row that would replace one is
refused instead. The head of the trail only moves forward, on both databases.
"""

from django.db import migrations, models

HEAD, SUBMISSIONS = "opportunities_chainhead", "opportunities_submission"
SAME_RECORD = "(kind = 'create' AND NEW.kind = 'create' AND opportunity_id <> '' AND opportunity_id = NEW.opportunity_id)"
# Each with the columns a row could be replaced by.
UNIQUE = {
    "opportunities_auditevent": ("seq", "event_id", "hash"),
    "opportunities_attempt": ("id",),
    "opportunities_submission": ("id", "reference", "idempotency_key"),
}
PAIRS = {
    "opportunities_attempt": (("submission_id", "number"),),
    "opportunities_submission": (("person_id", "form_token", "row"),),
}


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE TRIGGER chainhead_no_delete BEFORE DELETE ON {HEAD} FOR EACH ROW "
            "EXECUTE FUNCTION slantweb_refuse('the head of the trail stays')"
        )
        schema_editor.execute(
            f"CREATE TRIGGER chainhead_forward BEFORE UPDATE ON {HEAD} FOR EACH ROW WHEN (NEW.seq < OLD.seq) "
            "EXECUTE FUNCTION slantweb_refuse('the head of the trail moves forward')"
        )
        schema_editor.execute(
            f"CREATE TRIGGER {HEAD}_no_truncate BEFORE TRUNCATE ON {HEAD} FOR EACH STATEMENT "
            "EXECUTE FUNCTION slantweb_refuse('the past cannot be truncated')"
        )
        return
    schema_editor.execute(
        f"CREATE TRIGGER chainhead_no_delete BEFORE DELETE ON {HEAD} FOR EACH ROW "
        "BEGIN SELECT RAISE(ABORT, 'the head of the trail stays'); END"
    )
    schema_editor.execute(
        f"CREATE TRIGGER chainhead_forward BEFORE UPDATE ON {HEAD} FOR EACH ROW WHEN NEW.seq < OLD.seq "
        "BEGIN SELECT RAISE(ABORT, 'the head of the trail moves forward'); END"
    )
    # The two unique values of a submission that change while it lives: UPDATE OR REPLACE would take the other row away.
    schema_editor.execute(
        f"CREATE TRIGGER submission_no_replace BEFORE UPDATE OF idempotency_key, opportunity_id ON {SUBMISSIONS} "
        f"FOR EACH ROW WHEN EXISTS (SELECT 1 FROM {SUBMISSIONS} WHERE id <> NEW.id AND ({SAME_RECORD} OR "
        "idempotency_key = NEW.idempotency_key)) "
        "BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: the past cannot be replaced'); END"
    )
    for table, columns in UNIQUE.items():
        keys = [(column,) for column in columns] + list(PAIRS.get(table, ()))
        same = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{one} = NEW.{one}' for one in key)})" for key in keys
        )
        if table == SUBMISSIONS:
            same += f" OR EXISTS (SELECT 1 FROM {SUBMISSIONS} WHERE {SAME_RECORD})"
        schema_editor.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} FOR EACH ROW WHEN {same} "
            "BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: the past cannot be replaced'); END"
        )


def remove(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    on = f" ON {HEAD}" if postgresql else ""
    for name in ("chainhead_no_delete", "chainhead_forward"):
        schema_editor.execute(f"DROP TRIGGER {name}{on}")
    if postgresql:
        schema_editor.execute(f"DROP TRIGGER {HEAD}_no_truncate{on}")
        return
    schema_editor.execute("DROP TRIGGER submission_no_replace")
    for table in UNIQUE:
        schema_editor.execute(f"DROP TRIGGER {table}_no_replace")


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0004_mirror")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent", index=models.Index(fields=["outcome", "seq"], name="audit_outcome")
        ),
        migrations.AddIndex(
            model_name="auditevent", index=models.Index(fields=["actor_type", "seq"], name="audit_actor_type")
        ),
        migrations.RunPython(install, remove),
    ]
