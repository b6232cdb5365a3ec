"""What was won and lost: deals as Slant shows them now, on the day they came into their stage.

`selectors.selection.closed_within` is the rule. A deal that was reopened or deleted afterwards is not among
them, and one that was edited counts with what it has now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from opportunities.models import LostReason, Opportunity, OpportunityVersion, State, Submission
from opportunities.periods import Period
from opportunities.reports.measures import LOST, WON
from opportunities.reports.rows import Closing, LossCount
from opportunities.selectors.selection import IN_STAGE_SINCE, closed_within

from .ages import Epoch
from .behind import DealsBehind
from .history import Span
from .lines import MOST_LISTED
from .query import BY_VALUE, COLUMNS, ReportQuery, bucket_of

DAY = 86_400


def closed(query: ReportQuery, span: Span, meanings: Sequence[str] = (WON, LOST)) -> QuerySet[Opportunity]:
    """The deals won or lost in the span, with `since`."""
    stages = [id for id, stage in query.scope.stages.items() if stage.meaning in meanings]
    rows = query.deals().annotate(since=IN_STAGE_SINCE)
    return rows.filter(closed_within(span.first, span.last), stage_id__in=stages)


def count_closings(query: ReportQuery, buckets: Sequence[Period], *by: str) -> list[Closing]:
    """Deals won and lost in `buckets`, by whole days since their creation and by `by`."""
    edges, places = query.edges_and_places(buckets)
    # Wrapped, so that the database walks no index for its order of owners alone.
    wrapped = {f"by_{name}": Coalesce(COLUMNS[name], COLUMNS[name]) for name in by}
    days = (Epoch(F("stage_updated_at")) - Epoch(F("created_at"))) / Value(DAY)
    rows = (
        closed(query, Span(edges[0], edges[-1]))
        .annotate(
            bucket=bucket_of("stage_updated_at", edges),
            meaning=_meaning(query.meanings),
            days=days,
            **wrapped,
        )
        .values_list("bucket", "meaning", "days", *wrapped)
        .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0), n_valued=Count("value"))
    )
    closings = []
    for place, meaning, age, *keys, deals, value, valued in rows:
        if place in places:
            named = dict(zip(by, keys, strict=True))
            took = None if age is None else max(0, int(age))
            closings.append(
                Closing(
                    meaning, places[place], took, **named, deals=deals, value=value, valueless=deals - valued
                )
            )
    return closings


def list_closings(query: ReportQuery, span: Span, meanings: Sequence[str]) -> DealsBehind:
    """The deals won or lost one by one, the most valuable first."""
    rows = closed(query, span, meanings)
    first = {
        id: (stage, at)
        for id, stage, at in rows.order_by(*BY_VALUE).values_list("pk", "stage_id", "stage_updated_at")[
            :MOST_LISTED
        ]
    }
    lines = [
        replace(line, effect=line.value, what=query.meanings[first[line.id][0]], at=first[line.id][1])
        for line in query.deal_lines(first)
    ]
    return DealsBehind(lines, rows.count())


def count_lost_reasons(query: ReportQuery, span: Span) -> list[LossCount]:
    """Deals lost, by the reason given with the move that lost them; empty where they moved without one.

    Such a move was asked for before the deal was seen in the stage, and arrived after it was last seen
    elsewhere.
    """
    versions = OpportunityVersion.objects.filter(opportunity_id=OuterRef("pk"))
    in_stage = versions.filter(stage_id=OuterRef("stage_id"), stage_since=OuterRef("stage_updated_at"))
    elsewhere = versions.filter(valid_from__lt=OuterRef("seen")).order_by("-valid_from")
    arrived = Submission.objects.filter(
        pk=OuterRef("submission_id"),
        state=State.CONFIRMED,
        settled_at__gte=OuterRef(OuterRef("before")),
    )
    reasons = LostReason.objects.filter(
        Exists(arrived),
        opportunity_id=OuterRef("pk"),
        stage_id=OuterRef("stage_id"),
        at__lte=OuterRef("seen"),
    )
    rows = (
        closed(query, span, (LOST,))
        .annotate(seen=Subquery(in_stage.order_by("valid_from").values("valid_from")[:1]))
        .annotate(before=Coalesce(Subquery(elsewhere.values("valid_from")[:1]), F("seen")))
        .annotate(reason=Subquery(reasons.order_by("-at").values("reason")[:1]))
        .values_list("reason")
        .annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0))
    )
    return [LossCount(reason or "", deals, value) for reason, deals, value in rows]


def _meaning(meanings: Mapping[str, str]) -> Case:
    won = [id for id, meaning in meanings.items() if meaning == WON]
    return Case(When(stage_id__in=won, then=Value(WON)), default=Value(LOST), output_field=CharField())
