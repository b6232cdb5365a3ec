"""Makes a card from a row: its words, its stage, and the state of a change of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from opportunities.access import opens_all_submissions
from opportunities.models import OPEN, Meaning, Person, State
from opportunities.offer import StageChoice
from opportunities.selectors.board.parts import Card, Note
from opportunities.selectors.board.pending import LATE, ChangeUnderWay
from opportunities.selectors.board.places import Place
from opportunities.selectors.board.windows import CardRow
from opportunities.wording import board as board_words
from opportunities.wording import formats
from opportunities.wording.submissions import reasons_of


@dataclass
class CardBuilder:
    """Makes cards from rows, for one person, one pipeline and one moment."""

    person: Person
    place: Place
    now: datetime
    pending: Mapping[str, Sequence[ChangeUnderWay]]

    @cached_property
    def today(self) -> date:
        return timezone.localdate(self.now)

    @cached_property
    def stages(self) -> dict[str, StageChoice]:
        return {stage.id: stage for stage in self.place.stages}

    def lies_in(self, row: "CardRow") -> str:
        """The stage in which the card is shown: the target of an unconfirmed move, else Slant's stage."""
        aims = [change.aim for change in self.pending.get(row.id, ()) if change.state in OPEN]
        return next((aim for aim in reversed(aims) if aim in self.stages), row.stage_id)

    def card(self, row: "CardRow") -> Card:
        lies_in = self.lies_in(row)
        stage = self.stages[lies_in]
        on_its_way = next(iter(reversed(self.pending.get(row.id, ()))), None)
        probability = stage.probability if row.probability is None else row.probability
        won, is_open = stage.meaning == Meaning.WON, stage.meaning == Meaning.OPEN
        days, close = max((self.now - row.since).days, 0), row.target_close_date
        return Card(
            id=row.id,
            name=row.name,
            household=row.household,
            book=row.book,
            stage=lies_in,
            stands_in=row.stage_id,
            money="" if row.value is None else formats.compact(row.value),
            percent="" if won or probability is None else f"{probability}%",
            by_hand=row.probability is not None and row.probability != stage.probability,
            close=board_words.card_day(close, self.today) if close else "",
            is_past=is_open and close is not None and close < self.today,
            won_on=board_words.card_day(timezone.localdate(row.since), self.today) if won else "",
            days=days,
            is_stale=is_open and self.now - row.since > timedelta(days=self.place.limits[row.stage_id]),
            owner=row.owner or "",
            may_move=row.may_write,
            own_probability="" if row.probability is None else str(row.probability),
            is_unreadable=bool(row.unreadable),
            note=self._note(row, on_its_way) if on_its_way else None,
        )

    def _note(self, row: "CardRow", on_its_way: ChangeUnderWay) -> Note | None:
        is_own = on_its_way.person_id == self.person.pk
        link_id = str(on_its_way.id) if is_own or opens_all_submissions(self.person) else ""
        is_move = on_its_way.aim != ""
        stage = self.stages[row.stage_id].name
        if on_its_way.state == State.REJECTED:
            # The deal was moved since, there or elsewhere, so the refusal is out of date.
            if is_move and on_its_way.seen.get("pipeline_stage_id") != row.stage_id:
                return None
            why = refusal(on_its_way.reason_code, on_its_way.reason_text, on_its_way.field_errors)
            words = board_words.NOT_MOVED if is_move else board_words.NOT_SAVED
            return Note(
                "refused",
                words.format(stage=stage, why=why),
                "exclamation-circle-fill",
                link_id,
                stage=on_its_way.aim,
            )
        how, icon, words = _progress_words(on_its_way, is_move=is_move, is_own=is_own, now=self.now)
        return Note(
            how,
            words.format(stage=stage, by=on_its_way.by_display),
            icon,
            link_id,
            may_withdraw=is_own and on_its_way.state == State.QUEUED and how != "saving",
        )


def _progress_words(
    on_its_way: ChangeUnderWay, *, is_move: bool, is_own: bool, now: datetime
) -> tuple[str, str, str]:
    """The kind (`Note.how`), icon and words of a change that is not confirmed yet."""
    late = on_its_way.created_at < now - LATE or bool(on_its_way.reason_code)
    match on_its_way.state:
        case State.UNKNOWN:
            words = board_words.UNSURE if is_move else board_words.UNSURE_EDIT
            return "unsure", "question-circle-fill", words
        case State.REVIEW:
            return "unsure", "people", board_words.IN_REVIEW
        case _ if late:
            return "waiting", "clock", board_words.WAITS if is_move else board_words.WAITS_EDIT
    if is_move:
        words = board_words.MOVING if is_own else board_words.MOVING_BY
    else:
        words = board_words.SAVING if is_own else board_words.SAVING_BY
    return "saving", "arrow-repeat", words


def refusal(code: str, text: str, field_errors: Mapping[str, Any]) -> str:
    """Why a change was not made, as the end of a sentence."""
    match code:
        case "conflict":
            return board_words.CHANGED_IN_SLANT
        case "forbidden_book":
            return board_words.REFUSED_BOOK
        case "record_gone":
            return board_words.GONE
    message = reasons_of(text.strip(), field_errors)
    return board_words.REFUSED_SAYING.format(message=message) if message else board_words.REFUSED_BY_SLANT
