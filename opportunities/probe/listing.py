"""Questions that the list of opportunities answers (Slant API 7.9, 10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from opportunities.probe.facts import Facts
from opportunities.probe.prober import (
    Json,
    Prober,
    at,
    count_at,
    is_success,
    json_of,
    moment_at,
    refusal,
    rows_of,
    text_at,
)
from opportunities.probe.questions import FindingSheet
from opportunities.slant import types
from opportunities.slant.request_checks import in_utc
from opportunities.slant.responses import Answer, read_page

LIST_TOPICS = (
    "list_opportunities",
    "list_order",
    "hidden_stages",
    "nested_pipeline",
    "assignees",
    "past_end",
    "list_filters",
    "list_updated_since",
)


@dataclass
class ListReads:
    """Asks about the list with three or four calls, whatever its length."""

    prober: Prober
    sheet: FindingSheet
    facts: Facts

    def run(self) -> None:
        """Raises NoAnswer if the list itself cannot be read."""
        answer = self.prober.ask("GET", "/opportunities", params={"per_page": "100"})
        if answer.status in (404, 405, 410):
            self.sheet.tell(
                "list_opportunities",
                f"no: {answer.status}",
                "the board shows partial data; a lost create without a household goes to a manager",
            )
            for topic in LIST_TOPICS[1:]:
                self.sheet.cannot(topic, "Slant has no list of opportunities")
            return
        rows = self.facts.deals = rows_of(answer)
        body = json_of(answer)
        self.facts.total = count_at(body, "pagination", "total_count")
        self.facts.total_pages = count_at(body, "pagination", "total_pages")
        size = "an unknown number of" if self.facts.total is None else str(self.facts.total)
        self.sheet.tell(
            "list_opportunities", f"yes: {size} deals", f"a full pass costs {self._pages()} calls"
        )
        self.facts.hold(answer, lambda: read_page(answer, types.OpportunityRecord, number=1))
        self._rows(rows)
        with self.sheet.asking("list_filters"):
            self._book_filter(rows)
        with self.sheet.asking("list_updated_since"):
            self._updated_since(answer)
        with self.sheet.asking("past_end"):
            self._past_end()

    def _pages(self) -> str:
        total = self.facts.total
        return "an unknown number of" if total is None else str(max(1, -(-total // 100)))

    def _rows(self, rows: list[Json]) -> None:
        if not rows:
            for topic in ("list_order", "hidden_stages", "nested_pipeline", "assignees"):
                self.sheet.cannot(topic, "the list is empty")
            return
        self._order(rows)
        self._hidden_stages(rows)
        self._nested_pipeline(rows)
        self._assignees(rows)

    def _order(self, rows: list[Json]) -> None:
        created = [moment for row in rows if (moment := moment_at(row, "created_at"))]
        if len(set(created)) < 2:
            self.sheet.cannot("list_order", "fewer than two deals say when they were made")
        elif created == sorted(created):
            self.sheet.tell("list_order", "oldest first, by created_at")
        elif created == sorted(created, reverse=True):
            self.sheet.tell("list_order", "newest first, by created_at")
        else:
            self.sheet.tell("list_order", "not by created_at")

    def _hidden_stages(self, rows: list[Json]) -> None:
        hidden = {id for id, stage in self.facts.stages().items() if stage.get("visible") is False}
        hidden_count = sum(text_at(row, "pipeline_stage", "id") in hidden for row in rows)
        if hidden_count:
            self.sheet.tell("hidden_stages", f"yes: {hidden_count} of {len(rows)} on the first page")

    def _nested_pipeline(self, rows: list[Json]) -> None:
        full = sum(isinstance(at(row, "pipeline", "pipeline_stages"), list) for row in rows)
        word = "full: with its stages" if full == len(rows) else "slim: without its stages"
        self.sheet.tell(
            "nested_pipeline", word if full in (0, len(rows)) else f"full in {full} of {len(rows)}"
        )

    def _assignees(self, rows: list[Json]) -> None:
        partial = sum(not text_at(row, "assigned_to", "id") for row in rows)
        user_ids = {text_at(user, "id") for book in self.facts.books for user in _users(book)}
        departed = sum(
            bool(user := text_at(row, "assigned_to", "id")) and user not in user_ids for row in rows
        )
        self.sheet.tell(
            "assignees",
            f"of {len(rows)} deals {partial} have none, {departed} one who is in no book in sight",
        )

    def _book_filter(self, rows: list[Json]) -> None:
        """Judged by rows that should not be there: counts may shift meanwhile."""
        books = [book for row in rows if (book := text_at(row, "book_id"))]
        other_ids = [id for book in self.facts.books if (id := text_at(book, "id")) and id not in books]
        chosen_id = books[0] if len(set(books)) > 1 else (other_ids or books or [""])[0]
        if not chosen_id or (not other_ids and len(set(books)) < 2):
            self.sheet.cannot("list_filters", "all deals in sight are in one book")
            return
        answer = self.prober.ask("GET", "/opportunities", params={"per_page": "100", "book_id": chosen_id})
        if not is_success(answer):
            self.sheet.tell("list_filters", f"refused: {refusal(answer)}", "the list is read without it")
            return
        foreign = sum(text_at(row, "book_id") != chosen_id for row in rows_of(answer))
        if foreign:
            self.facts.book_filter = False
            self.sheet.tell(
                "list_filters", "ignored: deals of other books come too", "rows are filtered here"
            )
        else:
            self.facts.book_filter = True
            self.sheet.tell("list_filters", "applied", "a look for a lost create costs less")

    def _updated_since(self, first: Answer) -> None:
        since = (first.server_date or self.prober.now()) - timedelta(minutes=1)
        old = [
            moment
            for row in self.facts.deals or []
            if (moment := moment_at(row, "updated_at")) and moment < since
        ]
        params = {"per_page": "100", "updated_since": in_utc(since)}
        if not old:
            self.sheet.cannot("list_updated_since", "no deal in sight is older than a minute")
            return
        answer = self.prober.ask("GET", "/opportunities", params=params)
        if not is_success(answer):
            self.sheet.tell(
                "list_updated_since", f"refused: {refusal(answer)}", f"each pass costs {self._pages()} calls"
            )
            return
        updated = [moment_at(row, "updated_at") for row in rows_of(answer)]
        if any(moment is not None and moment < since.replace(microsecond=0) for moment in updated):
            self.sheet.tell(
                "list_updated_since",
                "ignored: older deals come too",
                f"each pass costs {self._pages()} calls",
            )
        else:
            self.sheet.tell("list_updated_since", "applied", "changes alone can be read")

    def _past_end(self) -> None:
        pages = self.facts.total_pages
        if pages is None:
            self.sheet.cannot("past_end", "the list does not say how many pages it has")
            return
        params = {"per_page": "100", "page": str(max(pages, 1) + 1)}
        answer = self.prober.ask("GET", "/opportunities", params=params)
        if not is_success(answer):
            self.sheet.tell("past_end", f"refused: {refusal(answer)}")
        else:
            rows = len(rows_of(answer))
            self.sheet.tell(
                "past_end", f"{answer.status} with {rows} rows" if rows else f"{answer.status}, empty"
            )


def _users(book: Json) -> list[Any]:
    users = book.get("users")
    return users if isinstance(users, list) else []
