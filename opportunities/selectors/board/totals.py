"""Number and value of the deals in each stage: from stored totals, or counted by one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time

from django.conf import settings
from django.db.models import BigIntegerField, Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from opportunities.access import visible_books
from opportunities.models import Meaning, Opportunity, Person, StageTotal
from opportunities.selection import Selection, quarter
from opportunities.selectors.board.parts import Figures, Lane, Sums
from opportunities.selectors.board.places import Place
from opportunities.selectors.selection import IS_UNDATED, closed_within, deals, owned_by


def selected_totals(person: Person, selection: Selection) -> QuerySet[StageTotal]:
    rows = StageTotal.objects.filter(book_id__in=visible_books(person).values("pk"))
    if selection.pipeline:
        rows = rows.filter(pipeline_id=selection.pipeline)
    if selection.book:
        rows = rows.filter(book_id=selection.book)
    if selection.owner:
        rows = rows.filter(owned_by(person, selection.owner))
    return rows


def kept_sums(person: Person, selection: Selection) -> dict[str, Sums]:
    """The stored totals by stage, of all pipelines."""
    rows = (
        selected_totals(person, replace(selection, pipeline=""))
        .order_by()
        .values_list("stage_id")
        .annotate(Sum("count"), Sum("valueless"), Sum("value"), Sum("weighted"))
    )
    return {row[0]: Sums(*row[1:]) for row in rows}


def count_sums(rows: QuerySet[Opportunity]) -> dict[str, Sums]:
    weight = F("value") * Coalesce("probability", "stage__default_probability")
    stage_sums = (
        rows.order_by()
        .values_list("stage_id")
        .annotate(
            how_many=Count("pk"),
            without=Count("pk", filter=Q(value=None)),
            worth=Coalesce(Sum("value"), 0),
            weighed=Coalesce(Sum(weight, output_field=BigIntegerField()), 0),
        )
    )
    return {row[0]: Sums(*row[1:]) for row in stage_sums}


def won_of(
    person: Person, selection: Selection, place: Place, sums: Mapping[str, Sums], now: datetime
) -> dict[str, Sums]:
    """By stage: which of the selected deals entered a won stage since the fiscal quarter began."""
    won = [stage.id for stage in place.stages if stage.meaning == Meaning.WON]
    stages = [id for id in won if id in sums and sums[id].count]
    if not stages:
        return {}
    first = quarter(timezone.localdate(now), year_starts=settings.FISCAL_YEAR_START_MONTH).first
    began = timezone.make_aware(datetime.combine(first, time.min)) if first else now
    rows = _in_stages(person, selection, place, stages, now).filter(closed_within(began))
    return _sums_by_stage(rows)


def undated_of(person: Person, selection: Selection, place: Place, now: datetime) -> tuple[Sums, Sums]:
    """Of the selected deals: wins and losses without a date. No query where no stage has any."""
    meanings = {stage.id: stage.meaning for stage in place.stages if stage.id in place.undated}
    stages = [id for id, meaning in meanings.items() if meaning in (Meaning.WON, Meaning.LOST)]
    won, lost = Sums(), Sums()
    if stages:
        rows = _in_stages(person, selection, place, stages, now).filter(IS_UNDATED)
        for id, stage_sums in _sums_by_stage(rows).items():
            if meanings[id] == Meaning.WON:
                won = won.plus(stage_sums)
            else:
                lost = lost.plus(stage_sums)
    return won, lost


def _in_stages(
    person: Person, selection: Selection, place: Place, stages: Sequence[str], now: datetime
) -> QuerySet[Opportunity]:
    # The stages already determine the pipeline. A condition on the pipeline would make the database read
    # every row.
    rows = deals(person, replace(selection, pipeline=""), now, limits=place.limits)
    return rows.filter(stage_id__in=stages).order_by()


def _sums_by_stage(rows: QuerySet[Opportunity]) -> dict[str, Sums]:
    stage_rows = rows.values_list("stage_id").annotate(
        how_many=Count("pk"), with_value=Count("value"), worth=Coalesce(Sum("value"), 0)
    )
    return {stage: Sums(count, count - valued, value) for stage, count, valued, value in stage_rows}


def count_open_deals(place: Place, sums: dict[str, Sums], selection: Selection) -> int | None:
    """The number of open deals; None for other pipelines if the selection was counted only for this one."""
    if not selection.is_kept and place.id != selection.pipeline:
        return None
    return sum(
        sums[stage.id].count for stage in place.stages if stage.meaning == Meaning.OPEN and stage.id in sums
    )


def figures(lanes: Iterable[Lane], won: dict[str, Sums], undated: tuple[Sums, Sums]) -> Figures:
    open_, all_won = Sums(), Sums()
    for lane in lanes:
        if lane.stage.meaning == Meaning.OPEN:
            open_ = open_.plus(lane.sums)
    for sums in won.values():
        all_won = all_won.plus(sums)
    return Figures(open_, all_won, *undated)


def hidden_by_filters(person: Person, selection: Selection) -> int:
    """How many deals the pipeline has for `person` without any filter, from stored totals."""
    rows = selected_totals(person, Selection(pipeline=selection.pipeline))
    return rows.aggregate(all=Coalesce(Sum("count"), 0))["all"] or 0
