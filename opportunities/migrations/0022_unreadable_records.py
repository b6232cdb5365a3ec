"""What Slant shows and we cannot read: the fields of a mirrored deal, and the records of every list."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('opportunities', '0021_pipeline_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='opportunity',
            name='unreadable',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.CreateModel(
            name='UnreadableRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('resource', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=420)),
                ('label', models.CharField(max_length=300)),
                ('name', models.CharField(blank=True, max_length=500)),
                ('book_id', models.CharField(blank=True, max_length=200)),
                ('fields', models.JSONField(default=dict)),
                ('first_seen_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['resource', 'key'],
                'constraints': [models.UniqueConstraint(fields=('resource', 'key'), name='unreadable_record_once')],
            },
        ),
    ]
