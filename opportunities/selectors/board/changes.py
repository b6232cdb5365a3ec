"""What moved since a board was drawn: asked every few seconds by every open one, so it is one small statement."""

from dataclasses import dataclass

from django.db.models import BigIntegerField, CharField, Max, Value
from django.db.models.functions import Cast, Concat

from opportunities.models import Person
from opportunities.selection import Selection
from opportunities.selectors.board.pending import digest, on_their_way, touched
from opportunities.selectors.board.totals import kept


@dataclass(frozen=True)
class Changes:
    """What moved since a board was drawn: stages of its pipeline, and the token of what it has then seen."""

    stages: tuple[str, ...]
    since: str


def changes(person: Person, selection: Selection, since: str) -> Changes | None:
    """What changed in the pipeline since the token `since`; None if nothing did. One statement over two indexes."""
    number, _, seen = since.partition(".")
    known = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    totals = (
        kept(person, selection)
        .filter(revision__gt=known)
        .order_by()
        .values_list("stage_id")
        .annotate(newest=Max("revision"), is_total=Value(1))
    )
    under_way = (
        on_their_way(person)
        .order_by()
        .annotate(
            text=Concat(Cast("pk", CharField()), Value(" "), "state", Value(" "), "reason_code"),
            newest=Value(0, output_field=BigIntegerField()),
            is_total=Value(0),
        )
        .values_list("text", "newest", "is_total")
    )
    stages, newest, ways = set(), known, []
    for text, revision, is_total in totals.union(under_way, all=True):
        if is_total:
            stages.add(text)
            newest = max(newest, revision)
        else:
            ways.append(text)
    now = digest(ways)
    if not stages and now == seen:
        return None
    if now != seen:
        stages |= touched(person, selection)
    return Changes(tuple(sorted(stages)), f"{newest}.{now}")
