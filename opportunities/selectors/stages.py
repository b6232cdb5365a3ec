"""How stages are drawn and what they mean.

Slant sends neither a meaning nor a colour. We keep the meaning; the colour follows from it and from the
stage's place in its pipeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from opportunities.access import visible_books
from opportunities.mirror.meanings import suggest_meaning
from opportunities.models import Meaning, Person, Pipeline, Stage, StageMeaning
from opportunities.offer import StageChoice

PIES = (20, 25, 40, 50, 60, 75, 80)
GLYPHS = {Meaning.WON: "won", Meaning.LOST: "lost", Meaning.ARCHIVED: "archive-fill"}


def meanings() -> dict[str, StageMeaning]:
    """By stage, for every stage sync has seen. One query."""
    return StageMeaning.objects.in_bulk()


def with_meanings(stages: QuerySet[Stage]) -> QuerySet[Stage]:
    """`stages` that know their meaning without another query."""
    return stages.annotate(held=Subquery(StageMeaning.objects.filter(pk=OuterRef("pk")).values("meaning")))


def meaning(stage: Stage) -> str:
    """What a stage means: as kept, else as its name and probability suggest."""
    return getattr(stage, "held", None) or suggest_meaning(stage)


def draw_stages(stages: Sequence[Stage]) -> tuple[StageChoice, ...]:
    """`stages` of one pipeline in order, each with the glyph and colour of its place among the open ones."""
    means = [meaning(stage) for stage in stages]
    open_count = means.count(Meaning.OPEN)
    choices, place = [], 0
    for stage, stage_meaning in zip(stages, means, strict=True):
        if stage_meaning == Meaning.OPEN:
            place += 1
            share = 100 * place / (open_count + 1)
            # A sixth open stage starts again at the second colour: the name still tells them apart.
            slot = str(place if place <= 5 else (place - 6) % 4 + 2)
            glyph = f"pie-{min(PIES, key=lambda pie: abs(pie - share))}"
        else:
            slot, glyph = str(stage_meaning), GLYPHS[Meaning(stage_meaning)]
        choices.append(
            StageChoice(
                id=stage.pk,
                name=stage.name,
                probability=stage.default_probability,
                visible=stage.visible,
                meaning=str(stage_meaning),
                slot=slot,
                glyph=glyph,
            )
        )
    return tuple(choices)


@dataclass(frozen=True)
class StageRow:
    """A line of the settings. `chosen` is empty where the name decides; `limit` None: the usual one."""

    stage: StageChoice
    suggestion: str
    chosen: str
    limit: int | None
    set_by: str


@dataclass(frozen=True)
class PipelineStages:
    """A pipeline with its stages, for the settings. `book` is empty for one of the whole company."""

    id: str
    name: str
    book: str
    rows: list[StageRow]


def stage_settings(person: Person) -> list[PipelineStages]:
    """Every pipeline `person` may see, in Slant's order."""
    is_visible = Q(book=None) | Q(book__in=visible_books(person))
    stages = Prefetch("stages", queryset=with_meanings(Stage.objects.filter(gone_at=None)))
    rows = Pipeline.objects.filter(is_visible, gone_at=None).select_related("book").prefetch_related(stages)
    held = meanings()
    return [
        PipelineStages(
            row.pk, row.name, row.book.name if row.book else "", _stage_rows(list(row.stages.all()), held)
        )
        for row in rows
    ]


def _stage_rows(stages: list[Stage], held: dict[str, StageMeaning]) -> list[StageRow]:
    rows = []
    for stage, choice in zip(stages, draw_stages(stages), strict=True):
        stage_setting = held.get(stage.pk)
        by = stage_setting.set_by if stage_setting else ""
        rows.append(
            StageRow(
                stage=choice,
                suggestion=Meaning(suggest_meaning(stage)).label,
                chosen=stage_setting.meaning if stage_setting and by else "",
                limit=stage_setting.stale_after_days if stage_setting else None,
                set_by=by,
            )
        )
    return rows
