"""The row that numbers changes exists from here on, and a mirror filled before gets its history and totals."""

from django.db import migrations, models
from django.utils import timezone


def seed(apps, schema_editor):
    apps.get_model("opportunities", "MirrorRevision").objects.get_or_create(pk=1)


def catch_up(apps, schema_editor):
    model = lambda name: apps.get_model("opportunities", name)  # noqa: E731
    now, defaults = timezone.now(), dict(model("Stage").objects.values_list("pk", "default_probability"))
    sums, versions = {}, []
    for deal in model("Opportunity").objects.filter(gone_at=None).iterator():
        versions.append(
            model("OpportunityVersion")(
                opportunity_id=deal.pk, valid_from=now, name=deal.name, book_id=deal.book_id,
                pipeline_id=deal.pipeline_id, stage_id=deal.stage_id, household_id=deal.household_id or "",
                assigned_to_id=deal.assigned_to_id, value=deal.value, probability=deal.probability,
                target_close_date=deal.target_close_date, stage_since=deal.stage_updated_at,
                created_at=deal.created_at,
            )
        )
        place = (deal.pipeline_id, deal.stage_id, deal.book_id, deal.assigned_to_id)
        total = sums.setdefault(place, [0, 0, 0, 0])
        probability = defaults.get(deal.stage_id) if deal.probability is None else deal.probability
        for index, more in enumerate((1, deal.value is None, deal.value or 0, (deal.value or 0) * (probability or 0))):
            total[index] += more
    model("OpportunityVersion").objects.bulk_create(versions, batch_size=500)
    model("StageTotal").objects.bulk_create(
        [
            model("StageTotal")(
                pipeline_id=place[0], stage_id=place[1], book_id=place[2], assigned_to_id=place[3],
                count=total[0], valueless=total[1], value=total[2], weighted=total[3],
            )
            for place, total in sums.items()
        ],
        batch_size=500,
    )


class Migration(migrations.Migration):
    dependencies = [("opportunities", "0003_history")]

    operations = [
        migrations.AddField("syncstate", "walk", models.JSONField(blank=True, default=dict)),
        migrations.RunPython(seed, migrations.RunPython.noop),
        migrations.RunPython(catch_up, migrations.RunPython.noop),
    ]
