"""Questions that reading answers: one or two GETs each, and none changes anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from opportunities.probe.facts import Facts
from opportunities.probe.listing import LIST_TOPICS, ListReads
from opportunities.probe.prober import (
    MISSING,
    Json,
    NoAnswer,
    Prober,
    at,
    count_at,
    error_body_of,
    is_success,
    json_of,
    named,
    path_of,
    record_of,
    refusal,
    rows_of,
    text_at,
)
from opportunities.probe.questions import NOTHING, READ_TOPICS, FindingSheet
from opportunities.slant import types
from opportunities.slant.responses import Answer, read_page, read_record


@dataclass
class Reads:
    """Asks every question that reading answers, and writes the findings on the sheet."""

    prober: Prober
    sheet: FindingSheet
    facts: Facts
    out_of_reach: str = ""
    unrestricted: str = ""

    def run(self) -> None:
        sheet = self.sheet
        with sheet.asking("viewer_books"):
            self._books()
        with sheet.asking("company_pipelines_with_book_filter", "unrestricted_pipeline_type", "stage_order"):
            self._pipelines()
        with sheet.asking(*LIST_TOPICS):
            ListReads(self.prober, sheet, self.facts).run()
        with sheet.asking("household_types", "household_list"):
            self._households()
        with sheet.asking("custom_field_keys"):
            self._custom_fields()
        with sheet.asking("error_shape"):
            self._errors()
        with sheet.asking("validation_status"):
            self._wrong_value()
        with sheet.asking("no_access"):
            self._out_of_reach()

    # The token, books and pipelines --------------------------------------------------------------------

    def me(self) -> None:
        """Raises NoAnswer: without /me there may be nothing to ask."""
        answer = self.prober.ask("GET", "/me")
        data = record_of(answer)
        self.facts.hold(answer, lambda: read_record(answer, types.Me))
        access, scope = at(data, "api_access"), text_at(data, "api_access", "scope")
        can_write = at(data, "api_access", "can_write")
        word = f'scope is "{named([scope], answer)}"' if scope else "there is no scope"
        if isinstance(can_write, bool):
            self.facts.can_write = can_write
            self.sheet.tell(
                "me_can_write", f"can_write is present and {str(can_write).lower()}; {word}", _may(can_write)
            )
        elif scope:
            self.facts.can_write = "write" in scope
            self.sheet.tell("me_can_write", f"can_write is absent; {word}", _may(self.facts.can_write))
        else:
            why = (
                "api_access is absent"
                if access is MISSING
                else "api_access tells neither can_write nor scope"
            )
            self.sheet.tell("me_can_write", why, "the first refused write tells, and holds the queue")

    def _books(self) -> None:
        # 101 is one more than Slant gives (API 4): the page tells what becomes of that too.
        try:
            answer = self.prober.ask("GET", "/books", params={"per_page": "101"})
            self.facts.books = rows_of(answer)
            self._per_page(answer)
        except NoAnswer as lost:
            if lost.status not in (400, 422):
                self.sheet.no_answer("per_page", lost)
                raise
            self.sheet.tell("per_page", f"refused: {lost}", NOTHING)
            answer = self.prober.ask("GET", "/books", params={"per_page": "100"})
            self.facts.books = rows_of(answer)
        self.facts.hold(answer, lambda: read_page(answer, types.BookRecord, number=1))
        roles = Counter(_role(book) for book in self.facts.books)
        role_counts = ", ".join(f"{role}: {count}" for role, count in sorted(roles.items()))
        self.sheet.tell(
            "viewer_books",
            role_counts or "no book is in sight",
            "forms are closed in books where it only views",
        )

    def _per_page(self, answer: Answer) -> None:
        per_page = count_at(json_of(answer), "pagination", "per_page")
        if per_page is None:
            self.sheet.cannot("per_page", "the answer does not say its per_page")
        elif per_page > 100:
            self.sheet.tell("per_page", f"101 is taken as {per_page}")
        else:
            self.sheet.tell("per_page", f"101 is clamped to {per_page}")

    def _pipelines(self) -> None:
        answer = self.prober.ask("GET", "/pipelines", params={"per_page": "100"})
        lines = self.facts.pipelines = rows_of(answer)
        self.facts.hold(answer, lambda: read_page(answer, types.PipelineRecord, number=1))
        self._stage_order()
        with self.sheet.asking("unrestricted_pipeline_type"):
            self._unrestricted(lines, answer)
        with self.sheet.asking("company_pipelines_with_book_filter"):
            self._company_pipelines(lines)

    def _stage_order(self) -> None:
        stages = list(self.facts.stages().values())
        unordered = sum(count_at(stage, "stage_order") is None for stage in stages)
        no_default = sum(count_at(stage, "default_probability") is None for stage in stages)
        self.sheet.tell(
            "stage_order",
            f"of {len(stages)} stages {unordered} have no order and {no_default} no default probability",
        )

    def _unrestricted(self, lines: list[Json], answer: Answer) -> None:
        if self.unrestricted:
            pipeline_answer = self.prober.ask("GET", path_of("/pipelines", self.unrestricted))
            lines, answer = [record_of(pipeline_answer)], pipeline_answer
        kinds = [at(line, "pipeline_type") for line in lines]
        unclear_kinds = [kind for kind in kinds if self.unrestricted or kind not in ("prospect", "client")]
        if not unclear_kinds:
            self.sheet.cannot(
                "unrestricted_pipeline_type",
                f"all {len(kinds)} pipelines are named prospect or client; if Slant's own page shows one "
                "without restriction, give its id with --unrestricted",
            )
            return
        kind_words = sorted({_kind_word(kind) for kind in unclear_kinds})
        follows = NOTHING
        if any(word in ('"prospect"', '"client"') for word in kind_words):
            follows = (
                "Slantweb offers only that kind of household for it: people use Slant's page for the other"
            )
        self.sheet.tell("unrestricted_pipeline_type", named(kind_words, answer), follows)

    def _company_pipelines(self, lines: list[Json]) -> None:
        wide = [line for line in lines if at(line, "book_id") is None]
        if not wide or not self.facts.books:
            self.sheet.cannot("company_pipelines_with_book_filter", "no company-wide pipeline is in sight")
            return
        book_id = text_at(self.facts.books[0], "id")
        answer = self.prober.ask("GET", "/pipelines", params={"per_page": "100", "book_id": book_id})
        if not is_success(answer):
            self.sheet.tell("company_pipelines_with_book_filter", f"the filter is refused: {refusal(answer)}")
            return
        book_ids = [at(line, "book_id") for line in rows_of(answer)]
        foreign = sum(owner not in (None, book_id) for owner in book_ids)
        observation = (
            f"included: {book_ids.count(None)} of {len(wide)}"
            if None in book_ids
            else f"left out: none of {len(wide)}"
        )
        self.sheet.tell(
            "company_pipelines_with_book_filter",
            observation + (", but the filter is ignored" if foreign else ""),
        )

    # Households, custom fields and refusals ------------------------------------------------------------

    def _households(self) -> None:
        answer = self.prober.ask("GET", "/households", params={"per_page": "100"})
        rows = rows_of(answer)
        self.facts.hold(answer, lambda: read_page(answer, types.HouseholdRecord, number=1))
        kinds = Counter(named([text_at(row, "type")], answer) or "none" for row in rows)
        kind_counts = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items())[:6])
        self.sheet.tell("household_types", kind_counts or "no household is in sight")
        if not rows or not text_at(rows[0], "id"):
            self.sheet.cannot("household_list", "no household is in sight")
            return
        path = path_of("/households", text_at(rows[0], "id")) + "/opportunities"
        answer = self.prober.ask("GET", path, params={"per_page": "1"})
        if is_success(answer):
            rows_of(answer)
            self.sheet.tell(
                "household_list", "yes", "a look for a lost create with a household costs one call"
            )
        else:
            self.sheet.tell(
                "household_list", f"no: {refusal(answer)}", READ_TOPICS["household_list"].otherwise
            )

    def _custom_fields(self) -> None:
        answer = self.prober.ask(
            "GET", "/custom_fields", params={"per_page": "100", "entity_type": "Opportunity"}
        )
        defined = rows_of(answer)
        self.facts.hold(answer, lambda: read_page(answer, types.CustomField, number=1))
        keys = {text_at(row, "field_key") for row in defined} - {""}
        ids = {text_at(row, "id") for row in defined} - {""}
        deal_fields = [at(row, "custom_fields") for row in self.facts.deals or []]
        used = {key for fields in deal_fields if isinstance(fields, dict) for key in fields}
        if not used or not keys or keys == ids:
            self.sheet.cannot(
                "custom_field_keys", f"{len(keys)} are defined, deals in sight show {len(used)}"
            )
        elif used <= keys:
            self.sheet.tell("custom_field_keys", f"by key: {len(used)} of {len(keys)}")
        elif used <= ids:
            self.sheet.tell(
                "custom_field_keys", f"by id: {len(used)} of {len(ids)}", "they are shown, never sent"
            )
        else:
            self.sheet.tell(
                "custom_field_keys", f"neither alone: {len(used - keys)} of {len(used)} are no key"
            )

    def _errors(self) -> None:
        answer = self.prober.ask("GET", path_of("/opportunities", f"probe-{uuid4().hex}"))
        if is_success(answer):
            self.sheet.cannot("error_shape", f"an id nobody has is answered {answer.status}")
        else:
            self.sheet.tell("error_shape", *error_shape(answer))

    def _wrong_value(self) -> None:
        answer = self.prober.ask("GET", "/books", params={"page": "0"})
        if is_success(answer):
            self.sheet.cannot("validation_status", "page 0 is answered; a refused create tells, with --write")
        else:
            self.sheet.tell("validation_status", f"{answer.status} for a query")

    def _out_of_reach(self) -> None:
        if not self.out_of_reach:
            self.sheet.cannot("no_access", "it takes the id of a deal the token does not see, --out-of-reach")
            return
        answer = self.prober.ask("GET", path_of("/opportunities", self.out_of_reach))
        if is_success(answer):
            self.sheet.cannot("no_access", "the given id is within reach")
        elif answer.status == 404:
            self.sheet.tell("no_access", "404, as for an id nobody has (if the given one is right)")
        else:
            self.sheet.tell("no_access", str(answer.status))


def error_shape(answer: Answer) -> tuple[str, str]:
    """(what an error body looks like, whether Slantweb can read it) (Slant API 10.3)."""
    data, error_body = json_of(answer), error_body_of(answer)
    if isinstance(at(data, "error"), dict):
        kind = "nested: " + named([f"error.{name}" for name in sorted(data["error"])], answer)
    elif isinstance(data, dict):
        word = "flat" if isinstance(data.get("error"), str) else "field map" if "code" in data else "JSON"
        kind = f"{word}: " + named(sorted(data), answer)
    else:
        html = answer.body.lstrip()[:1] == b"<"
        kind = "an HTML page" if html else "an empty body" if not answer.body.strip() else "no JSON object"
    readable = bool(error_body.code or error_body.message or error_body.field_errors)
    return kind, NOTHING if readable else "people read a general sentence instead of Slant's own"


def _may(write: bool) -> str:
    return "nothing" if write else "ask Slant for write access; until then submissions are kept"


def _role(book: Json) -> str:
    role = book.get("role")
    return (
        role if role in ("principal", "contributor", "viewer") else "none" if role is None else "another word"
    )


def _kind_word(kind: Any) -> str:
    if kind is MISSING:
        return "the field is absent"
    return "null" if kind is None else f'"{kind}"' if isinstance(kind, str) else "neither text nor null"
