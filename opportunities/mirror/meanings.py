"""What a stage means. Slant has no field for it (Slant API 8), so it is suggested here and set by a
manager.
"""

from collections.abc import Iterable

from django.db import transaction

from opportunities.clock import Clock
from opportunities.mirror import totals
from opportunities.models import Meaning, Stage, StageMeaning
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange


def suggest_meaning(stage: Stage) -> Meaning:
    """The meaning that name and probability suggest. `visible` alone is not enough, because "Closed won" is
    visible.
    """
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
    """Store the suggested meaning of each stage, unless a manager set one."""
    rows = {stage.pk: StageMeaning(stage_id=stage.pk, meaning=suggest_meaning(stage)) for stage in stages}
    held = StageMeaning.objects.in_bulk(list(rows))
    changed = [row for pk, row in rows.items() if pk not in held or _may_follow(held[pk], row)]
    StageMeaning.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["stage_id"], update_fields=["meaning"]
    )


def _may_follow(held: StageMeaning, row: StageMeaning) -> bool:
    return not held.set_by and held.meaning != row.meaning


def decide(
    *, stage: Stage, meaning: Meaning | None, stale_after_days: int | None, by: Actor, clock: Clock
) -> bool:
    """Set what `stage` means (None: as its name suggests) and after how many days in it a deal is stale.

    Returns False if nothing changed. Open boards fetch it like any other change in that stage.
    """
    with transaction.atomic():
        row, _ = StageMeaning.objects.select_for_update().get_or_create(pk=stage.pk)
        before = _settings_of(row)
        row.meaning = meaning or suggest_meaning(stage)
        row.set_by = by.display[:320] if meaning else ""
        row.stale_after_days = stale_after_days
        if _settings_of(row) == before:
            return False
        row.set_at = clock.now()
        row.save()
        audit.record(
            clock=clock,
            by=by,
            action="stage.set",
            object_type="stage",
            object_id=stage.pk,
            outcome="ok",
            change=AuditChange(before, _settings_of(row)),
        )
        totals.touch([stage.pk])
    return True


def _settings_of(row: StageMeaning) -> dict[str, str | int | None]:
    return {
        "meaning": str(row.meaning),
        "chosen": bool(row.set_by),
        "stale_after_days": row.stale_after_days,
    }
