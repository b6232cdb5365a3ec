"""Indexes for the list by value and by close date.

Deals without a value come last, whichever way the list is sorted. SQLite reads the largest first with nothing at the end
from a plain index and knows no other; PostgreSQL has to be told.
"""

from django.db import migrations, models
from django.db.models import F, Q

BY_VALUE = models.Index(
    F("pipeline"),
    F("value").desc(),
    F("id"),
    F("stage"),
    F("book"),
    F("assigned_to_id"),
    condition=Q(gone_at=None),
    name="opportunity_by_value",
)
BY_CLOSE = models.Index(
    F("pipeline"),
    F("target_close_date"),
    F("id"),
    F("stage"),
    F("book"),
    F("assigned_to_id"),
    condition=Q(gone_at=None),
    name="opportunity_by_close",
)
ON_POSTGRESQL = """
    CREATE INDEX opportunity_by_value ON opportunities_opportunity
    (pipeline_id, value DESC NULLS LAST, id, stage_id, book_id, assigned_to_id) WHERE gone_at IS NULL
"""


def by_value(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ON_POSTGRESQL)
    else:
        schema_editor.add_index(apps.get_model("opportunities", "Opportunity"), BY_VALUE)


def not_by_value(apps, schema_editor):
    schema_editor.execute("DROP INDEX opportunity_by_value")


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0008_report_covering")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(by_value, not_by_value)],
            state_operations=[migrations.AddIndex("opportunity", BY_VALUE)],
        ),
        migrations.AddIndex("opportunity", BY_CLOSE),
    ]
