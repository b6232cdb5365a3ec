"""What being in a stage means. Slant has no field for it (Slant API 8): suggested here, decided by a manager."""

from collections.abc import Iterable

from opportunities.models import Meaning, Stage, StageMeaning


def suggested(stage: Stage) -> Meaning:
    """From name and probability, never from `visible` alone: "Closed won" is visible."""
    name = stage.name.lower()
    if "archiv" in name:
        return Meaning.ARCHIVED
    if "lost" in name.split():
        return Meaning.LOST
    if "won" in name.split() or stage.default_probability == 100:
        return Meaning.WON
    if not stage.visible and stage.default_probability == 0:
        return Meaning.ARCHIVED
    return Meaning.OPEN


def suggest(stages: Iterable[Stage]) -> None:
    """Keep a meaning for each stage as its name and probability suggest it; what a manager set stays."""
    rows = {stage.pk: StageMeaning(stage_id=stage.pk, meaning=suggested(stage)) for stage in stages}
    held = StageMeaning.objects.in_bulk(list(rows))
    wrong = [row for pk, row in rows.items() if pk not in held or _may_follow(held[pk], row)]
    StageMeaning.objects.bulk_create(
        wrong, update_conflicts=True, unique_fields=["stage_id"], update_fields=["meaning"]
    )


def _may_follow(held: StageMeaning, row: StageMeaning) -> bool:
    return not held.set_by and held.meaning != row.meaning
