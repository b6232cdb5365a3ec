from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('opportunities', '0025_event_mac'),
    ]

    operations = [
        migrations.AddField(
            model_name='budget',
            name='answered_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
