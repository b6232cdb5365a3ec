"""Questions that changes of the test deal answer (Slant API 7.7). Each change has its own key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from opportunities.probe.prober import (
    Json,
    NoAnswer,
    Prober,
    at,
    count_at,
    is_success,
    moment_at,
    path_of,
    record_of,
    refusal,
    text_at,
)
from opportunities.probe.questions import FindingSheet
from opportunities.slant.request_checks import in_utc
from opportunities.slant.responses import Answer

CHANGE_TOPICS = ("unknown_field", "null_in_patch", "past_close_date_in_patch")
_PROBABILITY = 42  # unlikely to be any stage's default
_READ_FROM_ANSWER = "the new value is read from the answer"


@dataclass
class ChangeProbe:
    """Changes the test deal. `deal` is kept as Slant last showed it."""

    prober: Prober
    sheet: FindingSheet
    deal: Json

    def run(self) -> None:
        for topic, step in (
            ("unknown_field", self._unknown_field),
            ("null_in_patch", self._null),
            ("past_close_date_in_patch", self._past_close_date),
        ):
            with self.sheet.asking(topic):
                step()

    def _patch(self, **fields: object) -> Answer:
        """Change fields of the deal. Raises NoAnswer also for a 2xx that shows another record."""
        path = path_of("/opportunities", text_at(self.deal, "id"))
        answer = self.prober.ask("PATCH", path, body=fields, key=str(uuid4()))
        if is_success(answer):
            record = record_of(answer)
            if record["id"] != self.deal["id"]:
                raise NoAnswer(f"{answer.status} with another record")
            self.deal.update(record)
        return answer

    def _unknown_field(self) -> None:
        answer = self._patch(probability=_PROBABILITY, slantweb_probe="a field no page lists")
        if is_success(answer):
            observation = (
                "ignored"
                if at(self.deal, "probability") == _PROBABILITY
                else "nothing of the change is stored"
            )
            self.sheet.tell("unknown_field", observation)
            return
        without = self._patch(probability=_PROBABILITY)
        if is_success(without):
            self.sheet.tell("unknown_field", f"refused: {refusal(answer)}", "only documented fields are sent")
        else:
            self.sheet.cannot("unknown_field", f"the change is refused without it too: {refusal(without)}")

    def _null(self) -> None:
        if moment_at(self.deal, "target_close_date") is None:
            self.sheet.cannot("null_in_patch", "the test deal shows no close date to clear")
            return
        answer = self._patch(target_close_date=None)
        if not is_success(answer):
            follows = "people cannot clear a field here, and read why"
            self.sheet.tell("null_in_patch", f"refused: {refusal(answer)}", follows)
        elif at(self.deal, "target_close_date") is None:
            self.sheet.tell("null_in_patch", "it clears")
        else:
            self.sheet.tell("null_in_patch", "ignored: the value stays", 'people read "could not be cleared"')

    def _past_close_date(self) -> None:
        day = (self.prober.now() - timedelta(days=2)).replace(hour=0, minute=0, second=0)
        answer = self._patch(target_close_date=in_utc(day))
        stored_moment = moment_at(self.deal, "target_close_date")
        if not is_success(answer):
            follows = "an unchanged past date is never sent again; people read the refusal"
            self.sheet.tell("past_close_date_in_patch", f"refused: {refusal(answer)}", follows)
        elif stored_moment is not None and stored_moment.date() == day.date():
            self.sheet.tell("past_close_date_in_patch", "allowed")
        else:
            self.sheet.tell("past_close_date_in_patch", "answered, but not stored", "the answer is compared")

    def move(self, stage: Json) -> None:
        """Move to `stage` and see what happens to the probability. Raises NoAnswer if it is refused."""
        before, default = at(self.deal, "probability"), count_at(stage, "default_probability")
        answer = self._patch(pipeline_stage_id=text_at(stage, "id"))
        if not is_success(answer):
            raise NoAnswer(f"the move is refused: {refusal(answer)}")
        after = at(self.deal, "probability")
        if before == default:
            self.sheet.cannot("stage_move", "the deal had the new stage's default already")
        elif after == before:
            self.sheet.tell("stage_move", "no: it stays")
        elif after == default:
            self.sheet.tell("stage_move", "yes: it becomes the stage's default", _READ_FROM_ANSWER)
        else:
            self.sheet.tell("stage_move", "yes: to another value than the stage's default", _READ_FROM_ANSWER)
