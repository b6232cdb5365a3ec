"""How often Slant was called, by outcome, and how many rounds failed, for `/metrics`."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('opportunities', '0027_undated_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('outcome', models.CharField(blank=True, max_length=40)),
                ('times', models.PositiveBigIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'outcome'), name='event_count_once')],
            },
        ),
    ]
