"""What the reads learned for later questions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from opportunities.probe.prober import Json, text_at
from opportunities.slant import errors
from opportunities.slant.pages import RecordPage
from opportunities.slant.record_reading import describe_unreadable
from opportunities.slant.responses import Answer


@dataclass
class Facts:
    """Rows are Slant's own JSON and never leave this package.

    can_write   what /me said; None: it did not say
    deals       the first page of the list, None when there is no list
    book_filter whether the list obeys `book_id`; None: not known
    """

    can_write: bool | None = None
    books: list[Json] = field(default_factory=list)
    pipelines: list[Json] = field(default_factory=list)
    deals: list[Json] | None = None
    total: int | None = None
    total_pages: int | None = None
    book_filter: bool | None = None
    undocumented: list[str] = field(default_factory=list)
    documented: int = 0

    def stages(self) -> dict[str, Json]:
        """Every stage of every pipeline by id."""
        lists = [line.get("pipeline_stages") for line in self.pipelines]
        rows = [stage for stages in lists if isinstance(stages, list) for stage in stages]
        return {text_at(stage, "id"): stage for stage in rows if text_at(stage, "id")}

    def hold(self, answer: Answer, read_answer: Callable[[], Any]) -> None:
        """Count whether the client could read this answer as documented (Slant API 10.32)."""
        try:
            result = read_answer()
            records = (*result.items, *result.without_id) if isinstance(result, RecordPage) else (result,)
            if odd := ", ".join(filter(None, map(describe_unreadable, records))):
                self.undocumented.append(f"{answer.path}: {odd}")
            else:
                self.documented += 1
        except errors.SlantNoAnswer as why:
            self.undocumented.append(f"{answer.path}: {why.log_line.rpartition('undocumented: ')[2]}")
