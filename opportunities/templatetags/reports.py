"""How the cells and tiles of a report are drawn."""

from collections.abc import Sequence
from itertools import groupby

from django import template
from django.utils import timezone

from opportunities.reports.sheets import Cell
from opportunities.wording.reports import cell_text as text_of

register = template.Library()

SPARK_WIDTH, SPARK_HEIGHT = 96, 24


@register.filter
def cell_text(cell: Cell) -> str:
    return text_of(cell.value, cell.kind, timezone.localdate())


@register.filter
def spark_lines(points: Sequence[float | None]) -> list[str]:
    """The polylines of a sparkline, in a box of SPARK_WIDTH by SPARK_HEIGHT, one for each run without a gap.

    A point between two gaps is a line to itself, which shows as a dot.
    """
    wide = SPARK_WIDTH / max(len(points) - 1, 1)
    places = [
        None if point is None else f"{place * wide:.1f},{SPARK_HEIGHT - 2 - point * (SPARK_HEIGHT - 4):.1f}"
        for place, point in enumerate(points)
    ]
    runs = [[place for place in run if place] for is_known, run in groupby(places, key=bool) if is_known]
    return [" ".join(run * 2 if len(run) == 1 else run) for run in runs]
