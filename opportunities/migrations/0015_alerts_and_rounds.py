"""What alerts say, the outbox of their mails, and when each worker last completed a round."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('opportunities', '0014_drop_sync_asked_at'),
    ]

    operations = [
        migrations.CreateModel(
            name='PendingAlert',
            fields=[
                ('cause', models.CharField(max_length=120, primary_key=True, serialize=False)),
                ('since', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='alert',
            name='details',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='alert',
            name='meaning',
            field=models.CharField(blank=True, db_default='', default='', max_length=500),
        ),
        migrations.AddField(
            model_name='alert',
            name='path',
            field=models.CharField(blank=True, db_default='', default='', max_length=300),
        ),
        migrations.AddField(
            model_name='alert',
            name='remedy',
            field=models.CharField(blank=True, db_default='', default='', max_length=500),
        ),
        migrations.AddField(
            model_name='heartbeat',
            name='completed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='heartbeat',
            name='failing_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='heartbeat',
            name='failure',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='heartbeat',
            name='failures',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name='AlertMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.CharField(choices=[('opened', 'opened'), ('closed', 'closed')], max_length=10)),
                ('written_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('failure', models.CharField(blank=True, max_length=300)),
                ('alert', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='mails', to='opportunities.alert')),
            ],
            options={
                'ordering': ['pk'],
                'indexes': [models.Index(fields=['due_at'], name='alert_mail_due')],
                'constraints': [models.UniqueConstraint(fields=('alert', 'event'), name='alert_mail_once')],
            },
        ),
    ]
