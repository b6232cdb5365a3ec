"""How the cells and tiles of a report are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from django import template
from django.utils import timezone

from opportunities.reports.sheets import Cell
from opportunities.wording.reports import cell_text as text_of

register = template.Library()

SPARK_WIDTH, SPARK_HEIGHT = 96, 24


@register.filter
def cell_text(cell: Cell) -> str:
    return text_of(cell.value, cell.kind, timezone.localdate())


@dataclass(frozen=True)
class SparkLine:
    """A polyline of a sparkline; `is_bridge` leads over a gap and is dotted."""

    points: str
    is_bridge: bool = False


@register.filter
def spark_lines(points: Sequence[float | None]) -> list[SparkLine]:
    """The polylines of a sparkline, in a box of SPARK_WIDTH by SPARK_HEIGHT.

    Each run without a gap is one, and so is each bridge between two runs: no point stands alone.
    """
    wide = SPARK_WIDTH / max(len(points) - 1, 1)
    places = [
        None if point is None else f"{place * wide:.1f},{SPARK_HEIGHT - 2 - point * (SPARK_HEIGHT - 4):.1f}"
        for place, point in enumerate(points)
    ]
    runs = [[place for place in run if place] for is_known, run in groupby(places, key=bool) if is_known]
    lines = [SparkLine(" ".join(run)) for run in runs if len(run) > 1]
    bridges = [SparkLine(f"{before[-1]} {after[0]}", is_bridge=True) for before, after in pairwise(runs)]
    return [*lines, *bridges]
