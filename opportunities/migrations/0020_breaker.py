"""One breaker for every call, where there was one for background reads. The old column keeps its name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0019_limit_counts")]

    operations = [
        migrations.AlterField(
            model_name="budget",
            name="reads_rest_until",
            field=models.DateTimeField(null=True, blank=True, db_column="reads_rest_until"),
        ),
        migrations.RenameField(model_name="budget", old_name="reads_rest_until", new_name="probe_at"),
        migrations.AddField(
            model_name="budget", name="opened_at", field=models.DateTimeField(null=True, blank=True)
        ),
        migrations.AddField(
            model_name="budget", name="probes", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="budget", name="released_at", field=models.DateTimeField(null=True, blank=True)
        ),
        migrations.AddField(
            model_name="budget", name="last_error", field=models.CharField(max_length=200, blank=True, default="")
        ),
    ]
