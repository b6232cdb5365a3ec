"""What a person's reports stand on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery

from opportunities.access import visible_books
from opportunities.models import Member, Person, Stage, StageMeaning
from opportunities.reports.rows import OPEN, Asked
from opportunities.reports.rows import Stage as StageRow

from .history import Scope

NOBODY = "none"


@dataclass(frozen=True)
class Ground:
    """What a person's reports stand on: their books, the stages as they are today, who there is to own deals."""

    person: Person
    books: Mapping[str, str]
    stages: Mapping[str, StageRow]
    members: Mapping[str, str]
    teams: Mapping[str, tuple[str, ...]]

    @property
    def pipelines(self) -> dict[str, str]:
        return {stage.pipeline: stage.pipeline_name for stage in self.stages.values()}

    @property
    def open_stages(self) -> list[str]:
        return [stage.id for stage in self.stages.values() if stage.meaning == OPEN]

    @property
    def closed_stages(self) -> list[str]:
        return [stage.id for stage in self.stages.values() if stage.meaning != OPEN]


def ground(person: Person) -> Ground:
    """Three queries."""
    books = {book.pk: book.name for book in visible_books(person)}
    members: dict[str, str] = {}
    teams: dict[str, list[str]] = {}
    for member in Member.objects.filter(book_id__in=books):
        members.setdefault(member.user_id, member.name)
        teams.setdefault(member.book_id, []).append(member.user_id)
    named = dict(sorted(members.items(), key=lambda each: (each[1].lower(), each[0])))
    return Ground(person, books, _stages(books), named, {book: tuple(ids) for book, ids in teams.items()})


def _stages(books: Iterable[str]) -> dict[str, StageRow]:
    """Stages a person's deals can be in, also gone ones: history names them. In the order of pipelines and
    stages.
    """
    meaning = StageMeaning.objects.filter(stage_id=OuterRef("pk"))
    rows = (
        Stage.objects.filter(Q(pipeline__book=None) | Q(pipeline__book__in=list(books)))
        .annotate(
            means=Subquery(meaning.values("meaning")), limit=Subquery(meaning.values("stale_after_days"))
        )
        .select_related("pipeline")
        .order_by("pipeline__position", "pipeline__name", "pipeline_id", "stage_order", "position", "pk")
    )
    found: dict[str, StageRow] = {}
    for place, row in enumerate(rows):
        found[row.pk] = StageRow(
            id=row.pk,
            name=row.name,
            pipeline=row.pipeline_id,
            pipeline_name=row.pipeline.name,
            meaning=row.means or OPEN,
            default_probability=row.default_probability,
            order=place,
            limit=settings.STALE_AFTER_DAYS if row.limit is None else row.limit,
        )
    return found


def scope_of(on: Ground, asked: Asked) -> Scope:
    books = tuple(on.books) if not asked.book else tuple(book for book in on.books if book == asked.book)
    owners: tuple[str, ...] | None = None
    if asked.team:
        owners = on.teams.get(asked.team, ())
    if asked.owner:
        one = "" if asked.owner == NOBODY else asked.owner
        owners = (one,) if owners is None or one in owners else ()
    return Scope(books, asked.pipeline, owners)
