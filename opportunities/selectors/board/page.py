"""The board, one lane of it, one card, or only its head, for one person.

The number of queries does not depend on the number of deals: stages, stored totals, wins of the quarter,
unconfirmed submissions, and one statement for the windows of all lanes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from opportunities.access import visible_books, visible_households
from opportunities.models import Member, Opportunity, Person
from opportunities.selection import ME, NOBODY, Selection
from opportunities.selectors.board.cards import CardBuilder
from opportunities.selectors.board.lanes import empty_lane, fill_lanes
from opportunities.selectors.board.parts import Board, Card, Figures, Lane, Sums, Tab
from opportunities.selectors.board.pending import by_deal, digest_progress, pending_of
from opportunities.selectors.board.places import Place, places_of
from opportunities.selectors.board.seen import SeenRevisions
from opportunities.selectors.board.totals import (
    count_open_deals,
    count_sums,
    figures,
    kept_sums,
    undated_of,
    won_of,
)
from opportunities.selectors.board.windows import ids_of, rows_of
from opportunities.selectors.selection import deals

WINDOW = 20


def board(
    person: Person, selection: Selection, now: datetime, *, cards_by_stage: Mapping[str, int] | None = None
) -> Board:
    """The whole board of one pipeline: the selected one, else the first. `cards_by_stage` are counts."""
    places = places_of(person)
    place = places.get(selection.pipeline) or next(iter(places.values()), None)
    if place is None:
        return Board(selection, [], None, (), [], [], Figures(Sums(), Sums()), "", {})
    visible = [stage.id for stage in place.stages if stage.visible]
    pipeline_selection = replace(selection, pipeline=place.id)
    return _drawn_board(
        person,
        pipeline_selection,
        places,
        now,
        {id: (cards_by_stage or {}).get(id, WINDOW) for id in visible},
    )


def lane(
    person: Person,
    selection: Selection,
    stage_id: str,
    now: datetime,
    *,
    after: str = "",
    card_count: int = WINDOW,
) -> Lane | None:
    """One lane of `selection.pipeline`, from its top or `after` a card; None if there is no such lane."""
    places = places_of(person)
    place = places.get(selection.pipeline)
    if place is None or not any(stage.id == stage_id for stage in place.stages):
        return None
    drawn_board = _drawn_board(person, selection, places, now, {stage_id: card_count}, after=after)
    return next(lane for lane in (*drawn_board.lanes, *drawn_board.rail) if lane.stage.id == stage_id)


def card(person: Person, opportunity_id: str, now: datetime) -> Card | None:
    """One card, in whichever stage it is shown."""
    rows = Opportunity.objects.filter(pk=opportunity_id, gone_at=None, book__in=visible_books(person))
    ids = ids_of(rows)
    card_rows = rows_of(person, [ids]) if ids else []
    pipeline = rows.values_list("pipeline_id", flat=True).first()
    place = places_of(person).get(pipeline or "")
    if not card_rows or place is None or card_rows[0].stage_id not in {stage.id for stage in place.stages}:
        return None
    return CardBuilder(person, place, now, by_deal(pending_of(person, now))).card(card_rows[0])


def head(person: Person, selection: Selection, now: datetime) -> Board | None:
    """Tabs, figures and the sums of each lane, without cards; None if there is no such pipeline."""
    places = places_of(person)
    return _drawn_board(person, selection, places, now, {}) if selection.pipeline in places else None


def _drawn_board(
    person: Person,
    selection: Selection,
    places: dict[str, "Place"],
    now: datetime,
    cards_by_stage: Mapping[str, int],
    *,
    after: str = "",
) -> Board:
    """The board with cards in those lanes that `cards_by_stage` names."""
    place = places[selection.pipeline]
    rows = deals(person, selection, now, limits=place.limits)
    sums = kept_sums(person, selection) if selection.is_kept else count_sums(rows)
    won = won_of(person, selection, place, sums, now)
    undated = undated_of(person, selection, place, now)
    empty = [empty_lane(place, stage, sums, won) for stage in place.stages]
    pending = pending_of(person, now)
    builder = CardBuilder(person, place, now, by_deal(pending))
    lanes = fill_lanes(builder, rows, empty, cards_by_stage, after=after)
    tabs = [
        Tab(
            place.id,
            place.name,
            count_open_deals(place, sums, selection),
            selection.query(pipeline=place.id, stage=(), ids=()),
        )
        for place in places.values()
    ]
    return Board(
        selection=selection,
        tabs=tabs,
        pipeline=next(tab for tab in tabs if tab.id == place.id),
        stages=place.stages,
        lanes=[lane for lane in lanes if lane.stage.visible],
        rail=[lane for lane in lanes if not lane.stage.visible],
        figures=figures(lanes, won, undated),
        since=SeenRevisions(place.revision, digest_progress(pending, now), place.pipelines_revision).token(
            person
        ),
        names=_names(selection, [card for lane in lanes for card in lane.cards]),
        undated_stages=tuple(stage.id for stage in place.stages if stage.id in place.undated),
    )


def lookup_names(person: Person, selection: Selection) -> dict[str, str]:
    """The names of the active filters, if `person` may know them, for a board without cards."""
    names = {}
    books = visible_books(person)
    if selection.book:
        names["book"] = books.filter(pk=selection.book).values_list("name", flat=True).first()
    if selection.household:
        rows = visible_households(person).filter(pk=selection.household)
        names["household"] = rows.values_list("name", flat=True).first()
    if selection.owner not in ("", ME, NOBODY):
        member = Member.objects.filter(user_id=selection.owner, book__in=books).first()
        names["owner"] = member.name if member else None
    return {field: name for field, name in names.items() if name}


def _names(selection: Selection, cards: Sequence[Card]) -> dict[str, str]:
    """The names of the active filters, taken from a card; each card of such a selection has them."""
    if not cards:
        return {}
    first = cards[0]
    card_names = {"book": first.book, "household": first.household, "owner": first.owner}
    return {name: word for name, word in card_names.items() if getattr(selection, name) and word}
