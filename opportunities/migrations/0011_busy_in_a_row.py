"""429s in a row are counted apart from failed reads: neither says anything of the other."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0010_bulk_orders")]

    operations = [
        migrations.AddField(
            model_name="budget",
            name="busy_in_a_row",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
