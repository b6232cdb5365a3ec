"""Drop `Instance.sync_asked_at`: no code reads or writes it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0013_drop_allauth")]

    operations = [migrations.RemoveField(model_name="instance", name="sync_asked_at")]
