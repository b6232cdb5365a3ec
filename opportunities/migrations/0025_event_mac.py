from typing import Any

from django.db import migrations, models


class AddKeptField(migrations.AddField):
    """A nullable column that stays when it is migrated back, because what is in it cannot be made again."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        table = to_state.apps.get_model(app_label, self.model_name)._meta.db_table
        with schema_editor.connection.cursor() as cursor:
            columns = schema_editor.connection.introspection.get_table_description(cursor, table)
        if self.name not in {column.name for column in columns}:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Older code goes on without it."""


class Migration(migrations.Migration):
    """Nullable, so that older code goes on writing events and older events stay as they are."""

    dependencies = [
        ("opportunities", "0024_export_signature"),
    ]

    operations = [
        AddKeptField(
            model_name="auditevent",
            name="mac",
            field=models.CharField(blank=True, max_length=64, null=True),
        ),
        AddKeptField(
            model_name="auditevent",
            name="mac_key",
            field=models.CharField(blank=True, max_length=30, null=True),
        ),
    ]
