"""Making the one test deal, and what making it shows.

Creates that are meant to be refused carry the same name, so that a Slant which takes them leaves nothing
nameless behind; whatever was made is in `made`. A create whose answer was lost is looked for by its name and
never sent again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from opportunities.probe.facts import Facts
from opportunities.probe.prober import (
    Json,
    NoAnswer,
    Prober,
    at,
    count_at,
    error_body_of,
    is_success,
    json_of,
    moment_at,
    named,
    path_of,
    record_of,
    refusal,
    rows_of,
    text_at,
)
from opportunities.probe.questions import FindingSheet
from opportunities.probe.reads import error_shape
from opportunities.slant.request_checks import in_utc
from opportunities.slant.responses import Answer

VALUE = 12_345  # whole US dollars; neither it nor its hundredth part could be mistaken for the other
LOOKS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds before each look for the new deal in the list
CREATE_TOPICS = (
    "create_status",
    "unit",
    "probability_when_omitted",
    "close_day",
    "list_lag",
    "idem_replay",
    "replay_marker",
    "idem_mismatch",
    "idem_store_4xx",
    "viewer_writes",
)
_PATH = "/opportunities"


class NoDeal(Exception):
    """No test deal can be used. Its text says why."""


@dataclass
class Making:
    """The test deal: how it is made, found, and what its first answer shows.

    looks   seconds to wait before each look for the new deal in the list
    made    ids of what was made; one, unless Slant does not keep its word about keys
    """

    prober: Prober
    sheet: FindingSheet
    facts: Facts
    book_id: str
    looks: tuple[float, ...] = LOOKS
    name: str = ""
    made_ids: list[str] = field(default_factory=list)
    body: Json = field(default_factory=dict)
    deal: Json = field(default_factory=dict)
    pipeline: Json = field(default_factory=dict)
    stage: Json = field(default_factory=dict)
    key: str = ""
    _refused: Answer | None = None
    _refused_key: str = ""

    def _choose_pipeline(self) -> None:
        """One the book may use, if possible with a stage to put the deal away in, starting where it has a
        default.
        """
        if self.book_id not in [text_at(book, "id") for book in self.facts.books]:
            self._ask_for_book()  # the reads saw the first hundred
        usable = [line for line in self.facts.pipelines if at(line, "book_id") in (None, self.book_id)]
        usable.sort(key=lambda line: not archive_stage(line))
        for line in usable:
            open_stages = [stage for stage in _stages(line) if stage.get("visible") is not False]
            open_stages.sort(key=lambda stage: count_at(stage, "default_probability") is None)
            if open_stages:
                self.pipeline, self.stage = line, open_stages[0]
                return
        raise NoDeal("the book has no pipeline with a visible stage")

    def _ask_for_book(self) -> None:
        try:
            answer = self.prober.ask("GET", path_of("/books", self.book_id))
        except NoAnswer as why:
            raise NoDeal(f"the given book got no answer ({why})") from None
        if not is_success(answer):
            raise NoDeal(f"the given book is not among those the token sees ({answer.status})")

    def _right_body(self) -> Json:
        day = (self.prober.now() + timedelta(days=30)).replace(hour=0, minute=0, second=0)
        return {
            "book_id": self.book_id,
            "name": self.name,
            "value": VALUE,
            "target_close_date": in_utc(day),
            "pipeline_id": self.pipeline["id"],
            "pipeline_stage_id": self.stage["id"],
        }

    def _wrong_body(self) -> Json:
        """What Slant must refuse: a close date in the past and a probability above 100 (Slant API 7.5)."""
        return self.body | {"target_close_date": "2020-01-01T00:00:00Z", "probability": 101}

    def _send(self, body: Json, key: str) -> Answer:
        return self.prober.ask("POST", _PATH, body=body, key=key)

    def _make(self) -> None:
        """First a refused create; then the right one under the same key, which shows whether the refusal is
        kept.
        """
        with self.sheet.asking("idem_store_4xx"):
            self._make_refused()
        if self._refused is None:
            self._create(str(uuid4()))
            return
        answer = self._try_create(self._refused_key)
        if answer is None:
            self.sheet.tell("idem_store_4xx", "no: a right create under a refused key is executed")
            return
        self._create(str(uuid4()))
        rest = "; whether 401, 403 and 429 are too cannot be told"
        self.sheet.tell(
            "idem_store_4xx",
            f"yes, a {self._refused.status}: its key is refused again ({answer.status}){rest}",
            "a new key after every definite no, as Slantweb does",
        )

    def _make_refused(self) -> None:
        key = str(uuid4())
        answer = self._send(self._wrong_body(), key)
        if is_success(answer):
            self.made_ids.append(text_at(record_of(answer), "id"))
            raise NoDeal("Slant took a create it says it refuses (close date in the past, probability 101)")
        if answer.status == 403:
            code = named([error_body_of(answer).code], answer)
            raise NoDeal(f"Slant refuses writes in this book: 403 {code}".strip())
        self._refused, self._refused_key = answer, key
        fields = ", ".join(sorted(error_body_of(answer).field_errors)) or "no field"
        self.sheet.tell("validation_status", f"{answer.status} for a create, naming {fields}")
        shape, follows = error_shape(answer)
        self.sheet.tell("error_shape", shape, follows)

    def _create(self, key: str) -> None:
        refused = self._try_create(key)
        if refused is not None and refused.status == 409:
            self._find_lost(NoAnswer("status 409", maybe_executed=True))
        elif refused is not None:
            raise NoDeal(f"Slant refuses the test deal: {refusal(refused)}")

    def _try_create(self, key: str) -> Answer | None:
        """None when the deal exists now, else the refusal. Raises NoDeal when it is not known."""
        try:
            answer = self._send(self.body, key)
            if answer.status in (408, 425):  # whether these were executed is not known (Slant API 3)
                raise NoAnswer(f"status {answer.status}", maybe_executed=True)
            if not is_success(answer):
                return answer
            self.deal = record_of(answer)
        except NoAnswer as lost:
            self._find_lost(lost)
            return None
        self.key = key
        self.made_ids.append(text_at(self.deal, "id"))
        self._report_first_answer(answer)
        return None

    def _find_lost(self, lost: NoAnswer) -> None:
        """The answer to a create was lost: look for the deal by its name, and never send it again."""
        for topic in CREATE_TOPICS:
            self.sheet.cannot(topic, f"the create got no answer ({lost})")
        if not lost.maybe_executed:
            raise NoDeal(f"the create got no answer ({lost})")
        try:
            sighting = self._await(lambda row: text_at(row, "name") == self.name)
        except NoAnswer:
            sighting = None
        if sighting is None or not text_at(sighting[1], "id"):
            raise NoDeal(f'the create got no answer ({lost}): look in Slant for "{self.name}"')
        self.deal = sighting[1]
        self.made_ids.append(text_at(self.deal, "id"))

    def _report_first_answer(self, answer: Answer) -> None:
        """What the first answer shows by itself."""
        sheet, deal = self.sheet, self.deal
        sheet.tell("create_status", str(answer.status))
        value = at(deal, "value")
        look = f'open "{self.name}" in Slant: it must read $12,345, or value is in cents'
        if value == VALUE:
            sheet.tell("unit", "comes back as sent", look)
        elif isinstance(value, int | float) and value in (VALUE * 100, VALUE / 100):
            word = "a hundredfold" if value > VALUE else "a hundredth"
            sheet.tell("unit", f"comes back {word}", "do not go live: the unit alarm would stop all sending")
        else:
            sheet.cannot("unit", "value does not come back")
        self._probability()
        day, sent_day = moment_at(deal, "target_close_date"), moment_at(self.body, "target_close_date")
        if day is None or sent_day is None:
            sheet.cannot("close_day", "no close date comes back")
        elif day.date() == sent_day.date():
            sheet.tell("close_day", "the same day")
        else:
            sheet.tell(
                "close_day", f"{(day.date() - sent_day.date()).days:+d} days", "do not go live: dates slip"
            )

    def _probability(self) -> None:
        stored, default = at(self.deal, "probability"), count_at(self.stage, "default_probability")
        if stored is None:
            observation = "null is kept" if default is not None else "null, in a stage without a default"
            self.sheet.tell(
                "probability_when_omitted", observation, "the stage's default is used for weighting"
            )
        elif default is not None and stored == default:
            self.sheet.tell("probability_when_omitted", f"the stage's default is stored: {default}")
        else:
            self.sheet.cannot("probability_when_omitted", "neither null nor the stage's default comes back")

    # Finding it ------------------------------------------------------------------------------------------

    def _await(self, matches: Any) -> tuple[float, Json, int] | None:
        """(seconds until it was listed, the row, number of looks), or None if it was not found."""
        started = self.prober.monotonic()
        for number, pause in enumerate(self.looks, start=1):
            if pause:
                self.prober.sleep(pause)
            row = self.find(matches)
            if row is not None:
                return self.prober.monotonic() - started, row, number
        return None

    def find(self, matches: Any) -> Json | None:
        """The row on the first or the last page of the list, if it is there: two calls at most."""
        params = {"per_page": "100"} | ({"book_id": self.book_id} if self.facts.book_filter else {})
        answer = self.prober.ask("GET", _PATH, params=params)
        pages = count_at(json_of(answer), "pagination", "total_pages") or 1
        row = next(filter(matches, rows_of(answer)), None)
        if row is None and pages > 1:
            answer = self.prober.ask("GET", _PATH, params=params | {"page": str(pages)})
            row = next(filter(matches, rows_of(answer)), None)
        return row


def _stages(line: Json) -> list[Json]:
    stages = line.get("pipeline_stages")
    rows = stages if isinstance(stages, list) else []
    return [row for row in rows if text_at(row, "id")]


def archive_stage(line: Json) -> Json | None:
    """The stage for what is over: named "archived", else the last hidden one."""
    hidden = [stage for stage in _stages(line) if stage.get("visible") is False]
    archived = [stage for stage in _stages(line) if "archiv" in text_at(stage, "name").lower()]
    rows = archived or hidden
    return rows[-1] if rows else None
