"""The tables of django-allauth, which sign-on used before Authlib and never wrote to.

Dropped only if every one of them is empty. The record of their migrations goes too, so that a version that
still has allauth makes them again.
"""

from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder

APPS = ("account", "socialaccount")
# Whatever refers to another table comes before it.
TABLES = (
    "account_emailconfirmation",
    "account_emailaddress",
    "socialaccount_socialtoken",
    "socialaccount_socialaccount",
    "socialaccount_socialapp",
)


def drop(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        present = [table for table in TABLES if table in connection.introspection.table_names(cursor)]
        for table in present:
            cursor.execute(f"SELECT 1 FROM {table} LIMIT 1")
            if cursor.fetchone():
                return
        for table in present:
            cursor.execute(f"DROP TABLE {table}")
    MigrationRecorder(connection).migration_qs.filter(app__in=APPS).delete()


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0012_frozen_whole")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop)]
