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


def lost_from_address(person: Person, asked: Selection, shown: Tab | None) -> list[str]:
    """A sentence for each object that `asked` names and that is not shown. `shown` is the pipeline shown
    instead.
    """
    said = []
    if asked.pipeline and (shown is None or shown.id != asked.pipeline):
        said.append(_lost_pipeline(person, asked.pipeline, shown))
    if asked.stage:
        said += _lost_stages(person, asked.stage)
    books = visible_books(person)
    if asked.book and not books.filter(pk=asked.book).exists():
        said.append(words.BOOK_LOST)
    members = Member.objects.filter(user_id=asked.owner, book__in=books)
    if asked.owner not in ("", ME, NOBODY) and not members.exists():
        said.append(words.OWNER_LOST)
    households = visible_households(person).filter(pk=asked.household, gone_at=None)
    if asked.household and not households.exists():
        said.append(words.HOUSEHOLD_LOST)
    return said


def _lost_pipeline(person: Person, id: str, shown: Tab | None) -> str:
    known = Pipeline.objects.filter(Q(book=None) | Q(book__in=visible_books(person)), pk=id).first()
    if known is None:
        said = words.PIPELINE_LOST
    elif known.gone_at is None:
        said = words.PIPELINE_EMPTY.format(name=known.name)
    else:
        said = words.PIPELINE_GONE.format(name=known.name)
    return f"{said} {words.SHOWN_INSTEAD.format(name=shown.name)}" if shown else said


def _lost_stages(person: Person, ids: tuple[str, ...]) -> list[str]:
    """One sentence for all stages that are gone, with their names if the person may know them."""
    seen = Q(pipeline__book=None) | Q(pipeline__book__in=visible_books(person))
    known = {stage.pk: stage for stage in Stage.objects.filter(seen, pk__in=ids)}
    gone = [id for id in ids if id not in known or known[id].gone_at is not None]
    names = [f"“{known[id].name}”" for id in gone if id in known]
    if not gone:
        return []
    if len(gone) == 1:
        return [words.STAGE_LOST.format(name=f" {names[0]}" if names else "")]
    return [words.STAGES_LOST.format(count=len(gone))]
