"""The books, stages and people that a person's reports cover."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, Subquery

from opportunities.access import visible_books
from opportunities.models import Member, Opportunity, Person, Stage, StageMeaning
from opportunities.reports.rows import OPEN, ReportFilters, ReportStage
from opportunities.selectors.selection import IS_UNDATED

from .history import DealScope

NOBODY = "none"


@dataclass(frozen=True)
class ReportScope:
    """What a person's reports cover: their books, the stages as they are today, and who may own deals."""

    person: Person
    books: Mapping[str, str]
    stages: Mapping[str, ReportStage]
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

    def knows(self, filters: ReportFilters) -> bool:
        """Whether every filter names something in the scope."""
        filtered = (
            (filters.book, self.books),
            (filters.team, self.books),
            (filters.pipeline, self.pipelines),
        )
        return all(id in options for id, options in filtered if id)

    def narrow(self, filters: ReportFilters) -> DealScope:
        """Which deals a report with these filters is about."""
        books = tuple(book for book in self.books if filters.book in ("", book))
        owners: tuple[str, ...] | None = None
        if filters.team:
            owners = self.teams.get(filters.team, ())
        if filters.owner:
            owner = "" if filters.owner == NOBODY else filters.owner
            owners = (owner,) if owners is None or owner in owners else ()
        return DealScope(books, filters.pipeline, owners)


def fetch_scope(person: Person) -> ReportScope:
    """Three queries."""
    books = {book.pk: book.name for book in visible_books(person)}
    members: dict[str, str] = {}
    teams: dict[str, list[str]] = {}
    for member in Member.objects.filter(book_id__in=books):
        members.setdefault(member.user_id, member.name)
        teams.setdefault(member.book_id, []).append(member.user_id)
    by_name = dict(sorted(members.items(), key=lambda member: (member[1].lower(), member[0])))
    return ReportScope(
        person, books, _stages(books), by_name, {book: tuple(ids) for book, ids in teams.items()}
    )


def _stages(books: Iterable[str]) -> dict[str, ReportStage]:
    """The stages a person's deals can be in, in order; also those gone from Slant, which history names."""
    meaning = StageMeaning.objects.filter(stage_id=OuterRef("pk"))
    undated = Opportunity.objects.filter(IS_UNDATED, gone_at=None, stage_id=OuterRef("pk"))
    rows = (
        Stage.objects.filter(Q(pipeline__book=None) | Q(pipeline__book__in=list(books)))
        .annotate(
            means=Subquery(meaning.values("meaning")),
            limit=Subquery(meaning.values("stale_after_days")),
            has_undated=Exists(undated),
        )
        .select_related("pipeline")
        .order_by("pipeline__position", "pipeline__name", "pipeline_id", "stage_order", "position", "pk")
    )
    return {
        row.pk: ReportStage(
            id=row.pk,
            name=row.name,
            pipeline=row.pipeline_id,
            pipeline_name=row.pipeline.name,
            meaning=row.means or OPEN,
            default_probability=row.default_probability,
            order=place,
            limit=settings.STALE_AFTER_DAYS if row.limit is None else row.limit,
            has_undated=row.has_undated,
        )
        for place, row in enumerate(rows)
    }
