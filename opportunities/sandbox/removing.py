"""Whether other records prevent a removal on Slant's own page, and what happens to them after one."""

from __future__ import annotations

from opportunities.sandbox import shapes
from opportunities.sandbox.store import Row, Store

DELETABLE = ("opportunity", "household", "custom_field", "task", "note")
# Deleted only while no record names them: the tables and fields that would.
NAMED_BY = {
    "pipeline": (("opportunity", "pipeline_id"),),
    "book": (("opportunity", "book_id"), ("household", "book_id"), ("pipeline", "book_id")),
}


def may_be_deleted(store: Store, kind: str, row_id: str) -> bool:
    """Whether this record may be deleted. Deals may still name a deleted household."""
    return kind in DELETABLE or (
        kind in NAMED_BY
        and not any(
            row[field] == row_id for table, field in NAMED_BY[kind] for row in store.tables[table].values()
        )
    )


def deals_without_stage(store: Store, pipeline: Row) -> list[str]:
    """The deals whose stage the pipeline no longer has."""
    return [
        row["id"]
        for row in store.tables["opportunity"].values()
        if row["pipeline_id"] == pipeline["id"]
        and shapes.stage_of(pipeline, row["pipeline_stage_id"]) is None
    ]
