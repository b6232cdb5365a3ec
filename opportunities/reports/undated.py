"""What was won or lost on a day that Slant does not say: it stands apart, with its deals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opportunities.wording import reports as words

from .context import SheetContext
from .measures import LOST, WON
from .sheets import Cell, Column, Panel, Row, Sheet, build_table

COLUMNS = (Column.text("Closed without a date"), Column.count("Deals"), Column.money("Value"))


@dataclass(frozen=True)
class UndatedCount:
    """Deals of one meaning, won or lost, without a date."""

    meaning: str
    deals: int
    value: int


def add_undated(
    sheet: Sheet, counts: Sequence[UndatedCount], context: SheetContext, *, counts_seen: bool = False
) -> Sheet:
    """The sheet with a table of them at its end, and a sentence that files hold too.

    `counts_seen`: the sheet counts what was seen to happen, on the day it was seen, dated by Slant or not.
    """
    deals = {count.meaning: count.deals for count in counts if count.deals}
    sentence = words.undated(deals.get(WON, 0), deals.get(LOST, 0), counts_seen=counts_seen)
    if not sentence:
        return sheet
    note = words.UNDATED_SEEN_NOTE if counts_seen else words.UNDATED_NOTE
    link = context.links.report("overview", show="undated")
    rows = (
        Row((Cell("Won" if count.meaning == WON else "Lost", link), Cell(count.deals), Cell(count.value)))
        for count in counts
        if count.deals
    )
    table = build_table("undated", sentence, COLUMNS, rows, note=note)
    return replace(
        sheet,
        panels=(*sheet.panels, Panel(table)),
        hints=(*sheet.hints, f"{sentence}. {note}." if counts_seen else f"{sentence}."),
    )
