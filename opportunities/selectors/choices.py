"""What a person may choose when they enter an opportunity.

Read only from the mirror. Objects that the person may not see are not named.
"""

from collections.abc import Mapping, Sequence

from django.db.models import Case, Count, Q, QuerySet, Subquery, Value, When

from opportunities.access import visible_books, visible_households, writable_books
from opportunities.models import (
    Book,
    Household,
    Instance,
    Member,
    Opportunity,
    Person,
    Pipeline,
    Stage,
    Submission,
)
from opportunities.offer import BookChoice, HouseholdChoice, Offer, OwnerChoice, PipelineChoice
from opportunities.selectors.selection import is_open
from opportunities.selectors.stages import draw_stages, with_meanings

LISTED = 50
SUGGESTED = 8
# The order of stages: by the order of their pipelines, then by their own.
IN_ORDER = (
    "pipeline__position", "pipeline__name", "pipeline_id", "stage_order", "position", "id",
)  # fmt: skip

Typed = Mapping[str, str]


def offer(person: Person, typed: Typed) -> Offer:
    """Everything the form needs. The number of queries does not grow with the number of choices."""
    own_creates = Submission.objects.of(person).filter(kind="create").values("book_id")
    books: dict[str, Book] = {}
    used_last = ""
    for writable_book in writable_books(person).annotate(used_last=Subquery(own_creates[:1])):
        books[writable_book.pk], used_last = writable_book, writable_book.used_last or ""
    household = _household(person, typed.get("household_id", ""))
    book = _book(books, typed, household, used_last)
    read_only = ""
    if typed.get("book_id") and book is None:
        visible_book = visible_books(person).filter(pk=typed["book_id"]).first()
        read_only = visible_book.name if visible_book else ""
    pipelines = _pipelines(book)
    listed = _search(list(books.values()) if book is None else [book], typed.get("q", ""), LISTED + 1)
    return Offer(
        books=tuple(BookChoice(book.pk, book.name) for book in books.values()),
        book=BookChoice(book.pk, book.name) if book else None,
        read_only_book=read_only,
        pipelines=pipelines,
        other_pipeline=_other_pipeline(person, pipelines, typed.get("pipeline_id", "")),
        other_stage=_other_stage(person, pipelines, typed.get("pipeline_stage_id", "")),
        household=household,
        households=tuple(listed[:LISTED]),
        more_households=len(listed) > LISTED,
        owners=_owners(person, book),
    )


def offer_for(person: Person, deal: Opportunity, pipeline: PipelineChoice, typed: Typed) -> Offer:
    """The choices for an edit of `deal`: households and owners of its own book.

    Two queries, one more for a new household. The deal comes from `reachable`, with `household_text`.
    """
    households = Household.objects.filter(book=deal.book_id, gone_at=None)
    home = deal.household
    is_here = home is not None and home.gone_at is None and home.book_id == deal.book_id
    household = _plain(home) if home is not None and is_here else None
    kept_text = "" if is_here else deal.household_text  # type: ignore[attr-defined]
    chosen = typed.get("household_id", "")
    if household is None or household.id != chosen:
        chosen_household = households.filter(pk=chosen).first() if chosen else None
        household = _plain(chosen_household) if chosen_household else None
    listed = [_plain(row) for row in _by_name(households, typed.get("q", ""))[: LISTED + 1]]
    return Offer(
        book=BookChoice(deal.book_id, deal.book.name),
        pipelines=(pipeline,),
        household=household,
        households=tuple(listed[:LISTED]),
        more_households=len(listed) > LISTED,
        kept_household=kept_text,
        owners=_owners(person, deal.book),
    )


def search_households(person: Person, q: str, book_id: str) -> list[HouseholdChoice]:
    """Households by a part of their name, in the book if it is one to write in, else in all such books."""
    books = list(writable_books(person))
    return _search([book for book in books if book.pk == book_id] or books, q, SUGGESTED)


def cannot_write_at_all() -> bool:
    """Whether our token only reads and none ever wrote, so that nothing entered could be sent."""
    instance = Instance.objects.filter(pk=1).first()
    return instance is not None and instance.can_write is False and not instance.ever_could_write


def principals(person: Person) -> list[Member]:
    """Whom a person who can only read may ask: the principals of the books they see."""
    return list(
        Member.objects.filter(book__in=visible_books(person), role="principal").select_related("book")[:5]
    )


def _book(
    books: dict[str, Book], typed: Typed, household: HouseholdChoice | None, used_last: str
) -> Book | None:
    """The chosen book; else the household's book, the only book, or the one used last."""
    if typed.get("book_id"):
        return books.get(typed["book_id"])
    if household and household.book_id in books:
        return books[household.book_id]
    if "book_id" in typed:
        return None
    if len(books) == 1:
        return next(iter(books.values()))
    return books.get(used_last)


def _pipelines(book: Book | None) -> tuple[PipelineChoice, ...]:
    """Those of the book and the company's; a pipeline without stages cannot take a deal and is left out."""
    offered_pipelines = Q(pipeline__book=None) | Q(pipeline__book=book) if book else Q(pipeline__book=None)
    rows = with_meanings(Stage.objects.filter(offered_pipelines, gone_at=None, pipeline__gone_at=None))
    stages: dict[Pipeline, list[Stage]] = {}
    for row in rows.select_related("pipeline").order_by(*IN_ORDER):
        stages.setdefault(row.pipeline, []).append(row)
    return tuple(
        PipelineChoice(pipeline.pk, pipeline.name, pipeline.household_type, draw_stages(pipeline_stages))
        for pipeline, pipeline_stages in stages.items()
    )


def _owners(person: Person, book: Book | None) -> tuple[OwnerChoice, ...]:
    if book is None:
        return ()
    return tuple(
        OwnerChoice(
            member.user_id,
            member.name,
            member.may_write,
            bool(person.member_id) and member.user_id == person.member_id,
        )
        for member in Member.objects.filter(book=book)
    )


def _other_pipeline(person: Person, pipelines: Sequence[PipelineChoice], typed: str) -> str:
    if not typed or any(pipeline.id == typed for pipeline in pipelines):
        return ""
    row = Pipeline.objects.filter(pk=typed, gone_at=None, book__in=visible_books(person)).first()
    return row.name if row else ""


def _other_stage(person: Person, pipelines: Sequence[PipelineChoice], typed: str) -> str:
    if not typed:
        return ""
    for pipeline in pipelines:
        if stage := pipeline.stage(typed):
            return stage.name
    row = Stage.objects.filter(
        Q(pipeline__book=None) | Q(pipeline__book__in=visible_books(person)), pk=typed, gone_at=None
    ).first()
    return row.name if row else ""


def _household(person: Person, id: str) -> HouseholdChoice | None:
    if not id:
        return None
    choices = _with_deals(visible_households(person).filter(pk=id, gone_at=None))
    return choices[0] if choices else None


def _search(books: Sequence[Book], q: str, limit: int) -> list[HouseholdChoice]:
    rows = Household.objects.filter(book__in=[book.pk for book in books], gone_at=None)
    return _with_deals(_by_name(rows, q)[:limit])


def _by_name(rows: QuerySet[Household], q: str) -> QuerySet[Household]:
    """Names that begin with `q` first, then those that hold it elsewhere."""
    if not q:
        return rows
    first = Case(When(name__istartswith=q, then=Value(0)), default=Value(1))
    return rows.filter(name__icontains=q).order_by(first, "name", "id")


def _plain(row: Household) -> HouseholdChoice:
    """The household without its book's name and open deals, for forms of one book, which show neither."""
    return HouseholdChoice(row.pk, row.name, row.kind, row.book_id, "", 0)


def _with_deals(rows: QuerySet[Household]) -> list[HouseholdChoice]:
    """Two queries: the households, and the deals still open of all of them together."""
    households = list(rows.select_related("book"))
    counts = dict(
        Opportunity.objects.filter(
            is_open(), household__in=[household.pk for household in households], gone_at=None
        )
        .values_list("household")
        .annotate(Count("pk"))
    )
    return [
        HouseholdChoice(
            id=household.pk,
            name=household.name,
            kind=household.kind,
            book_id=household.book_id,
            book_name=household.book.name,
            open_deals=counts.get(household.pk, 0),
        )
        for household in households
    ]
