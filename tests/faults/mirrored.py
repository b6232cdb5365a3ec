"""The verdict on the mirror: once Slant is quiet and was read, it shows what Slant has."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.faults.people import BOOKS
from tests.faults.slant import SHARED

if TYPE_CHECKING:
    from tests.faults.history import History

Deals = dict[str, tuple[Any, ...]]
MIRROR = """SELECT id, book_id, name, value, probability, target_close_date, pipeline_id, stage_id,
    household_id, nullif(assigned_to_id, '') FROM opportunities_opportunity WHERE gone_at IS NULL"""


STAGES = """SELECT pipeline_id, id, name, visible FROM opportunities_stage WHERE gone_at IS NULL
    ORDER BY stage_order, position, id"""


def differences(history: "History") -> Iterator[str]:
    """Deals that differ between mirror and Slant. One deleted in Slant may still be there until two walks."""
    if history.kept_up is None or history.plan.switches.get("list_opportunities") == "not_found":
        return  # without a list, part of the deals is all that can be promised
    if not history.kept_up:
        if history.plan.budget == 900:  # a smaller one may be spent
            yield "mirror: nothing was read for an hour after all was quiet"
        return
    # A full reading mends what was missed, so what the mirror showed before it is judged as well.
    if history.full_readings:
        yield from _unlike_slant(history, history.mirrored_before, "before the full readings ")
    mirrored = mirrored_deals(history)
    yield from _unlike_slant(history, mirrored)
    deleted = {entry["id"] for entry in history.slant.store.ledger.entries if entry.get("action") == "delete"}
    for id in mirrored.keys() - history.slant.store.tables["opportunity"].keys() - deleted:
        yield f"mirror: {id} was never in Slant"
    # Of a smaller budget no call may be left to ask for what two readings missed.
    if history.full_readings == 2 and history.plan.budget == 900:
        for id in mirrored.keys() & deleted:
            yield f"mirror: {id} was deleted in Slant, and is still shown after two full readings"
        yield from _stages(history)


def mirrored_deals(history: "History") -> Deals:
    """What the mirror shows now of each deal, by its id."""
    rows = history.deployment.database.rows(MIRROR)
    return {row[0]: (*row[1:5], str(row[5] or ""), *row[6:]) for row in rows}


def _unlike_slant(history: "History", mirrored: Deals, when: str = "") -> Iterator[str]:
    for id, row in history.slant.store.tables["opportunity"].items():
        if row["book_id"] in BOOKS and mirrored.get(id) != _shown(row):
            yield f"mirror: {id} is {when}{mirrored.get(id)}, in Slant {_shown(row)}"


def _stages(history: "History") -> Iterator[str]:
    """The stages of the pipelines every book has, which colleagues changed in Slant."""
    held: dict[str, list[tuple[Any, ...]]] = {pipeline: [] for pipeline in SHARED}
    for pipeline, *stage in history.deployment.database.rows(STAGES):
        held.get(pipeline, []).append(tuple(stage))
    for pipeline, stages in held.items():
        shown = history.slant.store.tables["pipeline"][pipeline]["pipeline_stages"]
        if stages != [(stage["id"], stage["name"], bool(stage["visible"])) for stage in shown]:
            yield f"mirror: the stages of {pipeline} are {stages}, in Slant {shown}"


def _shown(row: dict[str, Any]) -> tuple[Any, ...]:
    day = row["target_close_date"]
    return (
        row["book_id"],
        row["name"],
        row["value"],
        row["probability"],
        day[:10] if day else "",
        row["pipeline_id"],
        row["pipeline_stage_id"],
        row["household_id"],
        row["assigned_to_id"],
    )
