"""Pipelines and their stages, in the order of the tabs and the lanes."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from opportunities.access import visible_books
from opportunities.models import Opportunity, Person, Pipeline, Stage, StageMeaning, StageTotal
from opportunities.offer import StageChoice
from opportunities.selectors.selection import IS_UNDATED
from opportunities.selectors.stages import draw_stages, with_meanings


@dataclass(frozen=True)
class Place:
    """A pipeline with its stages; `limits` are days after which a deal in a stage is stale.

    `undated` stages hold a deal without a date of its last move. `revision` is of the newest change of the
    person's deals in it, `pipelines_revision` of all pipelines they see.
    """

    id: str
    name: str
    stages: tuple[StageChoice, ...]
    limits: dict[str, int]
    undated: frozenset[str]
    revision: int
    pipelines_revision: int


def visible_pipelines(person: Person) -> QuerySet[Pipeline]:
    """The pipelines of the firm and of the person's books. Gone ones too, because their tabs must
    disappear.
    """
    return Pipeline.objects.filter(Q(book=None) | Q(book__in=visible_books(person)))


def places_of(person: Person) -> dict[str, Place]:
    """Every pipeline `person` may see that has stages, in order, with the mirror's revisions."""
    books = visible_books(person)
    visible_stages = Q(pipeline__book=None) | Q(pipeline__book__in=books)
    # Only of this person's books, because another revision would show that deals of other people changed.
    deals = StageTotal.objects.filter(book_id__in=books.values("pk"), pipeline_id=OuterRef("pipeline_id"))
    undated = Opportunity.objects.filter(IS_UNDATED, gone_at=None, stage_id=OuterRef("pk"))
    newest = visible_pipelines(person).order_by("-revision").values("revision")[:1]
    limit = StageMeaning.objects.filter(pk=OuterRef("pk")).values("stale_after_days")
    rows = (
        with_meanings(Stage.objects.filter(visible_stages, gone_at=None, pipeline__gone_at=None))
        .select_related("pipeline")
        .annotate(
            limit=Subquery(limit),
            has_undated=Exists(undated),
            revision=Subquery(deals.order_by("-revision").values("revision")[:1]),
            pipelines_revision=Subquery(newest),
        )
        .order_by("pipeline__position", "pipeline__name", "pipeline_id", "stage_order", "position", "id")
    )
    stages: dict[Pipeline, list[Any]] = {}
    for row in rows:
        stages.setdefault(row.pipeline, []).append(row)
    return {
        pipeline.pk: Place(
            pipeline.pk,
            pipeline.name,
            draw_stages(pipeline_stages),
            {
                stage.pk: settings.STALE_AFTER_DAYS if stage.limit is None else stage.limit
                for stage in pipeline_stages
            },
            frozenset(stage.pk for stage in pipeline_stages if stage.has_undated),
            pipeline_stages[0].revision or 0,
            pipeline_stages[0].pipelines_revision or 0,
        )
        for pipeline, pipeline_stages in stages.items()
    }
