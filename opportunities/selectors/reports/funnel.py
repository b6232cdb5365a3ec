from collections import Counter
from collections.abc import Iterator

from opportunities.models import OpportunityVersion
from opportunities.reports.funnel import VISIT_OUTCOMES, FunnelRows, visit_outcome
from opportunities.reports.measures import LOST, OPEN
from opportunities.reports.rows import UNCOUNTED, DealLine, StageVisit
from opportunities.reports.stage_visits import VisitedStage, stays_of
from opportunities.selectors.households import household_texts

from . import history
from .behind import DealsBehind
from .closings import closed
from .history import Span
from .lines import MOST_LISTED
from .query import ReportQuery


def fetch_rows(query: ReportQuery) -> FunnelRows:
    """Won and lost are those of the overview, of the whole period; stays begin where history does."""
    decided = _decided(query)
    lost = {id for id, stage in decided.items() if query.meanings[stage] == LOST}
    visits: Counter[tuple[str, str]] = Counter()
    entered: set[str] = set()
    entered_by_pipeline: dict[str, set[str]] = {}
    for stay, then in _stays(query, lost):
        visits[stay.turn.stage, then] += 1
        entered.add(stay.turn.id)
        if stage := query.scope.stages.get(stay.turn.stage):
            entered_by_pipeline.setdefault(stage.pipeline, set()).add(stay.turn.id)
    return FunnelRows(
        visits=[StageVisit(stage, then, deals) for (stage, then), deals in visits.items()],
        stages=query.stages,
        entered=len(entered),
        entered_by_pipeline={pipeline: len(ids) for pipeline, ids in entered_by_pipeline.items()},
        decided=Counter(decided.values()),
    )


def _decided(query: ReportQuery) -> dict[str, str]:
    """The deals won and lost in the period, as the overview counts them, with their stage."""
    period = query.period.until(query.today)
    span = Span(query.start(period.first), query.start(period.end))
    return dict(closed(query, span).values_list("pk", "stage_id"))


def _stays(query: ReportQuery, lost: set[str]) -> Iterator[tuple[VisitedStage, str]]:
    """Each stay with what followed; a loss that no figure counts is `UNCOUNTED`."""
    meanings = query.meanings
    turns = history.list_turns(query.deal_scope, query.span(query.period), query.known_from)
    for stay in stays_of(turns, lambda stage: meanings.get(stage, OPEN) != OPEN):
        is_lost = meanings.get(stay.then) == LOST
        yield stay, UNCOUNTED if is_lost and stay.turn.id not in lost else stay.then


def fetch_behind(query: ReportQuery, key: str) -> DealsBehind | None:
    outcome, _, stage = key.partition(":")
    if outcome not in VISIT_OUTCOMES or stage not in query.scope.stages:
        return None
    lost = {id for id, at in _decided(query).items() if query.meanings[at] == LOST}
    visits = [
        (stay, then)
        for stay, then in _stays(query, lost)
        if stay.turn.stage == stage
        and outcome in ("entered", visit_outcome(StageVisit(stage, then), query.scope.stages))
    ]
    visits.sort(key=lambda visit: (-visit[0].turn.value, visit[0].turn.id))
    return DealsBehind(_lines(query, visits[:MOST_LISTED]), len(visits))


def _lines(query: ReportQuery, visits: list[tuple[VisitedStage, str]]) -> list[DealLine]:
    """The deals as they entered, with the names of people and books."""
    versions = OpportunityVersion.objects.in_bulk([stay.turn.shown for stay, _ in visits])
    names = household_texts(query.scope.person, (row.household_id for row in versions.values()))
    return [
        DealLine(
            id=stay.turn.id,
            name=version.name,
            household=names.get(version.household_id, ""),
            owner=version.assigned_to_id,
            owner_name=query.scope.members.get(version.assigned_to_id, ""),
            book=version.book_id,
            book_name=query.scope.books.get(version.book_id, ""),
            stage=query.stage_name(version.stage_id),
            effect=stay.turn.value,
            what=query.stage_name(then) or ("Lost, not counted" if then == UNCOUNTED else "Still there"),
            at=stay.turn.at,
        )
        for stay, then in visits
        if (version := versions[stay.turn.shown])
    ]
