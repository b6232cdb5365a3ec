"""Questions that only writing answers, with one test deal.

The clearly named deal is made in the given book, without a household and assigned to the token's own user. At
the end it is moved to its pipeline's archived stage, whatever happened meanwhile. Creates that should be
refused carry the same name, so that a Slant which takes them leaves no nameless deal; they are moved too. A
create whose answer was lost is looked for and never sent again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from uuid import uuid4

from opportunities.probe.changing import CHANGE_TOPICS, ChangeProbe
from opportunities.probe.making import Making, NoDeal, archive_stage
from opportunities.probe.prober import (
    Json,
    NoAnswer,
    at,
    is_success,
    named,
    record_of,
    refusal,
    same_refusal,
    text_at,
)
from opportunities.probe.questions import WRITE_TOPICS
from opportunities.slant.responses import Answer

_ORDINARY_HEADERS = {"date", "content-length", "content-type", "connection", "keep-alive", "server", "via"}


@dataclass
class Writes(Making):
    """Makes the test deal, asks everything it can tell, and puts it away."""

    def run(self) -> None:
        now = self.prober.now()
        self.name = f"Slantweb probe {now:%Y-%m-%d %H:%M:%S} UTC - please delete"
        try:
            self._choose_pipeline()
            self.body = self._right_body()
            self._make()
        except NoDeal as why:
            for topic in WRITE_TOPICS:
                self.sheet.cannot(topic, str(why))
            self._put_away()
            return
        try:
            for topics, step in (
                (("list_lag",), self._lag),
                (("idem_replay", "replay_marker"), self._replay),
                (("idem_mismatch",), self._mismatch),
                (("viewer_writes", "idem_store_4xx"), self._viewer),
                (CHANGE_TOPICS, self._changes),
            ):
                with self.sheet.asking(*topics):
                    step()
        finally:
            self._put_away()

    def _lag(self) -> None:
        if self.facts.deals is None:
            self.sheet.cannot("list_lag", "Slant has no list of opportunities")
            return
        sighting = self._await(lambda row: text_at(row, "id") == self.made_ids[0])
        whole = sum(self.looks)
        if sighting is None:
            is_covered = "list_order" in self.sheet and (self.facts.total_pages or 0) <= 1
            place = "" if is_covered else " on its first or last page"
            self.sheet.tell(
                "list_lag",
                f"not within {whole:.0f} s{place}",
                "absence is proven too early: wait longer",
                QUIET_SECONDS=str(max(240, 2 * math.ceil(whole))),
            )
        elif sighting[0] <= 60:
            observation = (
                "at the first look"
                if sighting[2] == 1
                else f"after {sighting[0]:.1f} s, at look {sighting[2]}"
            )
            self.sheet.tell("list_lag", observation, "the default waits are long enough")
        else:
            seconds = math.ceil(2 * sighting[0])
            self.sheet.tell(
                "list_lag",
                f"after {sighting[0]:.0f} s",
                "absence would be proven too early",
                QUIET_SECONDS=str(seconds),
            )

    # Idempotency keys -----------------------------------------------------------------------------------

    def _replay(self) -> None:
        if not self.key:
            return
        first = next(answer for answer in self.prober.answers if self._is_create(answer))
        answer = self._send(self.body, self.key)
        if not is_success(answer):
            self.sheet.tell(
                "idem_replay", f"no: refused, {refusal(answer)}", "lost answers are settled by looking"
            )
            return
        again = text_at(record_of(answer), "id")
        if again != self.made_ids[0]:
            self.made_ids.append(again)
            self.sheet.tell(
                "idem_replay",
                "no: A SECOND DEAL WAS MADE",
                "keys do not protect: only looking does; tell Slant",
            )
            return
        self.sheet.tell("idem_replay", f"yes: the same record, {answer.status}", "a key protects a resend")
        marks = sorted(set(answer.headers) - set(first.headers) - _ORDINARY_HEADERS)
        marks = [mark for mark in marks if "ratelimit" not in mark and mark != "retry-after"]
        self.sheet.tell("replay_marker", f"yes: {named(marks, answer)}" if marks else "no")

    def _is_create(self, answer: Answer) -> bool:
        return answer.method == "POST" and is_success(answer)

    def _mismatch(self) -> None:
        """Send another body under the key of the create: one that must be refused, so it makes no deal."""
        if not self.key:
            return
        answer = self._send(self._wrong_body(), self.key)
        if is_success(answer):
            if text_at(record_of(answer), "id") in self.made_ids:
                self.sheet.tell("idem_mismatch", "the first answer again", "each write's answer is compared")
            else:
                self.made_ids.append(text_at(record_of(answer), "id"))
                self.sheet.tell("idem_mismatch", "it is executed", "never done")
        elif self._refused is not None and same_refusal(answer, self._refused):
            self.sheet.tell("idem_mismatch", "it is executed as if the key were new", "keys do not protect")
        elif self._refused is None and answer.status != 409:
            self.sheet.cannot("idem_mismatch", f"{answer.status} may be for the key or for the body")
        else:
            self.sheet.tell("idem_mismatch", f"refused: {answer.status}", "never done")

    def _viewer(self) -> None:
        """A create in a book where the token only views; then its key again, to see whether a 403 is kept."""
        books = [text_at(book, "id") for book in self.facts.books if book.get("role") == "viewer"]
        if not books:
            self.sheet.cannot("viewer_writes", "there is no book in which the token only views")
            return
        wrong = self._wrong_body() | {"book_id": books[0]}
        key = str(uuid4())
        answer = self._send(wrong, key)
        if is_success(answer):
            self.made_ids.append(text_at(record_of(answer), "id"))
            self.sheet.tell("viewer_writes", "IT IS NOT: a viewer's create was taken", "tell Slant")
            return
        if answer.status != 403:
            self.sheet.cannot("viewer_writes", f"{answer.status} may be for the book or for the values")
            return
        self.sheet.tell("viewer_writes", "403", "people read that Slant does not let us write in that book")
        if self._refused is None or "idem_store_4xx" not in self.sheet:
            return
        again = self._send(self._wrong_body(), key)
        is_stored = not is_success(again) and not same_refusal(again, self._refused)
        self._tell_403(is_stored)

    def _tell_403(self, is_stored: bool) -> None:
        assert self._refused is not None  # noqa: S101 - for the type checker; the caller looked
        on = self.sheet.observation_of("idem_store_4xx").startswith("yes")
        usual = f"a {self._refused.status}"
        follows = "a new key after every definite no, as Slantweb does"
        if on and is_stored:
            self.sheet.tell("idem_store_4xx", f"yes, all that could be tried: {usual} and a 403", follows)
        elif on:
            self.sheet.tell("idem_store_4xx", f"yes, {usual}, but not a 403", follows)
        elif is_stored:
            self.sheet.tell("idem_store_4xx", f"a 403 is, {usual} is not", follows)
        else:
            self.sheet.tell("idem_store_4xx", f"no: neither {usual} nor a 403")

    # Changes, and the end -------------------------------------------------------------------------------

    def _changes(self) -> None:
        ChangeProbe(self.prober, self.sheet, self.deal).run()

    def _put_away(self) -> None:
        """Into the archived stage, whatever was made. Slant's API deletes nothing (Slant API 10.27)."""
        if not self.made_ids:
            return
        stage = archive_stage(self.pipeline)
        failure = self._move_all(stage) if stage is not None else "its pipeline has no hidden stage"
        many = "made" if len(self.made_ids) == 1 else f"{len(self.made_ids)} made"
        away = (
            f"but not put away: {failure}"
            if failure
            else "and moved to its pipeline's last stage for what is over"
        )
        self.sheet.tell("test_deal", f"{many}, {away}", f'delete "{self.name}" in Slant; the API cannot')
        if not failure:
            with self.sheet.asking("hidden_stages"):
                self._still_listed(stage)

    def _move_all(self, stage: Json) -> str:
        """Why one of them could not be moved there, or ""."""
        failure = ""
        for deal_id in self.made_ids:
            deal = self.deal if deal_id == self.made_ids[0] and self.deal else {"id": deal_id}
            try:
                ChangeProbe(self.prober, self.sheet, deal).move(stage)
            except NoAnswer as why:
                failure = str(why)
        return failure

    def _still_listed(self, stage: Json | None) -> None:
        if "hidden_stages" in self.sheet or self.facts.deals is None or at(stage, "visible") is not False:
            return
        if "list_lag" not in self.sheet or not self.sheet.is_told("list_lag"):
            return
        row = self.find(lambda row: text_at(row, "id") == self.made_ids[0])
        if row is None:
            self.sheet.tell(
                "hidden_stages",
                "no: the archived test deal is gone from it",
                "the board shows open stages only",
            )
        else:
            self.sheet.tell("hidden_stages", "yes: the archived test deal is still in it")
