"""One deal, for a person who is about to move it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.http import Http404

from opportunities.access import Action, may, visible_books
from opportunities.actions.submissions import expected_fields
from opportunities.models import Opportunity, Person, Stage, State, Submission
from opportunities.offer import StageChoice
from opportunities.selectors.households import household_text
from opportunities.selectors.stages import draw_stages, with_meanings
from opportunities.wording import board as board_words

UNDO_WITHOUT_SCRIPTS = timedelta(seconds=60)


class DealGone(Exception):
    """A deal the person may see, which Slant no longer has."""

    def __init__(self, deal: Opportunity) -> None:
        super().__init__(deal.pk)
        self.deal = deal


@dataclass(frozen=True)
class Movable:
    """`at` and `probability` are those it will have once all earlier changes are confirmed."""

    deal: Opportunity
    stages: tuple[StageChoice, ...]
    at: StageChoice
    probability: int | None
    may_write: bool

    def offers_certainty(self, stage: StageChoice) -> bool:
        """Whether a move to `stage`, a won one, should offer to set the deal's own probability to 100."""
        return stage.meaning == "won" and self.probability not in (None, 100)


def movable(person: Person, id: str) -> Movable:
    """A deal in a visible book. Raises Http404 for any other, and `DealGone`."""
    rows = Opportunity.objects.filter(pk=id, book__in=visible_books(person))
    rows = rows.annotate(household_text=household_text(person))
    deal = rows.select_related("book", "stage", "pipeline").first()
    if deal is None:
        raise Http404
    if deal.gone_at is not None:
        raise DealGone(deal)
    stages = draw_stages(
        list(with_meanings(Stage.objects.filter(pipeline_id=deal.pipeline_id, gone_at=None)))
    )
    fields = expected_fields(deal)
    at = next((stage for stage in stages if stage.id == fields["pipeline_stage_id"]), None)
    if at is None:
        raise Http404
    return Movable(deal, stages, at, fields["probability"], may(person, Action.WRITE, deal.book))


def own_move(person: Person, id: str, deal: Opportunity) -> Submission | None:
    """A move of `deal` that `person` asked for."""
    try:
        return Submission.objects.of(person).filter(pk=UUID(id), kind="move", opportunity_id=deal.pk).first()
    except ValueError:
        return None


@dataclass(frozen=True)
class RecentMove:
    """A move that was just made, for the page without scripts."""

    submission: Submission
    announcement: str
    may_undo: bool


def recent_move(person: Person, id: str, now: datetime) -> RecentMove | None:
    """The person's own move that an address names, while the page still offers Undo."""
    try:
        row = Submission.objects.of(person).filter(pk=UUID(id), kind="move").first() if id else None
    except ValueError:
        return None
    if row is None or now - row.created_at > UNDO_WITHOUT_SCRIPTS:
        return None
    sentence = board_words.MOVED[row.state].format(name=row.name, stage=row.labels.get("stage", ""))
    return RecentMove(row, sentence, row.state not in (State.REJECTED, State.WITHDRAWN))
