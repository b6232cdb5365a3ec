"""Objects in an address that no longer exist: the page says so, instead of silently showing something else.

Objects that the person may not see are not named. Most addresses name only the pipeline that is shown, which
costs no query.
"""

from django.db.models import Q

from opportunities.access import visible_books, visible_households
from opportunities.models import Member, Person, Pipeline, Stage
from opportunities.selection import ME, NOBODY, Selection
from opportunities.selectors.board.parts import Tab
from opportunities.wording import board as words


def lost_from_address(person: Person, requested: Selection, shown_tab: Tab | None) -> list[str]:
    """A sentence for each object that `requested` names and that is not shown.

    `shown_tab` is the pipeline shown instead.
    """
    sentences = []
    if requested.pipeline and (shown_tab is None or shown_tab.id != requested.pipeline):
        sentences.append(_lost_pipeline(person, requested.pipeline, shown_tab))
    if requested.stage:
        sentences += _lost_stages(person, requested.stage)
    books = visible_books(person)
    if requested.book and not books.filter(pk=requested.book).exists():
        sentences.append(words.BOOK_LOST)
    members = Member.objects.filter(user_id=requested.owner, book__in=books)
    if requested.owner not in ("", ME, NOBODY) and not members.exists():
        sentences.append(words.OWNER_LOST)
    households = visible_households(person).filter(pk=requested.household, gone_at=None)
    if requested.household and not households.exists():
        sentences.append(words.HOUSEHOLD_LOST)
    return sentences


def _lost_pipeline(person: Person, id: str, shown_tab: Tab | None) -> str:
    pipeline = Pipeline.objects.filter(Q(book=None) | Q(book__in=visible_books(person)), pk=id).first()
    if pipeline is None:
        sentence = words.PIPELINE_LOST
    elif pipeline.gone_at is None:
        sentence = words.PIPELINE_EMPTY.format(name=pipeline.name)
    else:
        sentence = words.PIPELINE_GONE.format(name=pipeline.name)
    return f"{sentence} {words.SHOWN_INSTEAD.format(name=shown_tab.name)}" if shown_tab else sentence


def _lost_stages(person: Person, ids: tuple[str, ...]) -> list[str]:
    """One sentence for all stages that are gone, with their names if the person may know them."""
    visible_stages = Q(pipeline__book=None) | Q(pipeline__book__in=visible_books(person))
    stages = {stage.pk: stage for stage in Stage.objects.filter(visible_stages, pk__in=ids)}
    lost_ids = [id for id in ids if id not in stages or stages[id].gone_at is not None]
    names = [f"“{stages[id].name}”" for id in lost_ids if id in stages]
    if not lost_ids:
        return []
    if len(lost_ids) == 1:
        return [words.STAGE_LOST.format(name=f" {names[0]}" if names else "")]
    return [words.STAGES_LOST.format(count=len(lost_ids))]
