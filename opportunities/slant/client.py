"""The Slant client: one method for each thing the application does with Slant.

Slant is a hosted CRM for financial advisors; its API is described at https://docs.slant.app/api-reference
("Slant API n" names the sections of our own notes on it). Callers may rely on this:

* **A call returns a typed object of `types.py` or raises one error of `errors.py`.** It never returns raw
  JSON or raises an exception of requests. It may also raise what the caller's own `before_send` raises, and
  ValueError or TypeError for a call that is wrong in our code.
* **One call is one request**, except the generators of lists, which make one a page. Nothing is retried,
  neither reads nor writes, and no redirect is followed: the next tick retries, counted and recorded.
* **`before_send` is called immediately before every request**, each page too. The budget is counted
  there. If it raises, nothing is sent and its exception is passed on unchanged. If it returns a function,
  that is called once with the error the exchange ended in, or None when Slant answered as documented.
* **Every exchange ends.** `connect_timeout` bounds name look-up and connection, `total_timeout` the whole
  exchange from the first look-up to the last byte, even when a server sends one byte a second.
* **A write is sent exactly as given**, byte for byte, over a connection of its own, under the given key.
  What may have been executed is always `SlantNoAnswer`.
* **The token is only in one header**, and in no log line, exception, repr or message.
* The environment is not read: no `~/.netrc`, no `HTTP_PROXY`, no `REQUESTS_CA_BUNDLE`. A private
  authority is given as `ca_file`. A firm that must use a proxy has to forward at network level.

A client is immutable and may be used by any number of threads at once; reads share a small pool of
connections. `using()` makes a cheap copy with another `before_send`, reference or hint.

Slant's paths, headers, status codes and raw JSON stay inside this package.
"""

from __future__ import annotations

import copy
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self, TypeVar

from opportunities.slant import errors, responses
from opportunities.slant.comparison import compare_again, compare_answer
from opportunities.slant.pages import PageReader, RecordPage
from opportunities.slant.record_types import SlantRecord
from opportunities.slant.request_checks import checked_base_url, checked_write, in_utc, record_path
from opportunities.slant.responses import Answer
from opportunities.slant.secret import Secret
from opportunities.slant.transport import Transport, Unanswered
from opportunities.slant.types import (
    BookRecord,
    CustomField,
    HouseholdRecord,
    Me,
    OpportunityRecord,
    PipelineRecord,
    Written,
)

logger = logging.getLogger(__name__)

PER_PAGE = 100  # the most Slant gives (Slant API 4)
LONGEST_LIST, LONGEST_RECORD = 8_000_000, 1_000_000  # bytes read of an answer
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "slantweb"}

# Called with how an exchange ended: its error, or None for an answer.
Ended = Callable[[errors.SlantError | None], None]
BeforeSend = Callable[[], Ended | None]

Item = TypeVar("Item", bound=SlantRecord)
Result = TypeVar("Result")


def utc_now() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


class SlantClient:
    """See the module's docstring for what callers may rely on.

    base_url         with `/v1`; https unless the host is loopback (reliability S14), else ValueError
    token            the personal access token, `slnt_pat_...`
    connect_timeout  seconds for name look-up and connection together
    total_timeout    seconds for the whole exchange
    max_pages        upper bound of one list; past it `PageLimitHit`
    before_send      called immediately before each request; may return a function to call with how it ended
    can_write        what `/me` said, or None: a 403 while False is `SlantRefusedUs` (Slant API 3)
    reference        ours, for the log
    ca_file          a PEM bundle to trust instead of the public authorities
    now, monotonic   clocks; only reading dates and measuring use them, deadlines are real time
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        connect_timeout: float = 3.0,
        total_timeout: float = 10.0,
        max_pages: int = 2000,
        before_send: BeforeSend | None = None,
        can_write: bool | None = None,
        reference: str = "",
        ca_file: str | None = None,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._secret = Secret(token)
        self._transport = Transport(
            self._secret, connect_timeout=connect_timeout, total_timeout=total_timeout, ca_file=ca_file
        )
        self._max_pages = max_pages
        self._before_send = before_send
        self._can_write = can_write
        self._reference = reference
        self._now = now
        self._monotonic = monotonic

    def __repr__(self) -> str:
        return f"SlantClient({self._base_url!r})"

    def using(
        self,
        *,
        before_send: BeforeSend | None = None,
        can_write: bool | None = None,
        reference: str | None = None,
    ) -> Self:
        """A copy with what is given replaced and the connections shared."""
        other = copy.copy(self)
        other._before_send = self._before_send if before_send is None else before_send
        other._can_write = self._can_write if can_write is None else can_write
        other._reference = self._reference if reference is None else reference
        return other

    def close(self) -> None:
        """Drop pooled connections. The client stays usable."""
        self._transport.close()

    # Reads --------------------------------------------------------------------------------------------

    def me(self) -> Me:
        """Whose token this is and whether it may write (Slant API 7.1)."""
        return self._call("GET", "/me", partial(responses.read_record, model=Me))

    def opportunity(self, opportunity_id: str) -> OpportunityRecord:
        """One opportunity (Slant API 7.6)."""
        path = record_path("/opportunities", opportunity_id)
        read_answer = partial(responses.read_record, model=OpportunityRecord, expected_id=opportunity_id)
        return self._call("GET", path, read_answer)

    # Lists, page by page: one call each, for a caller that counts, stops and resumes. Pages may repeat
    # a record; `pages.Scan` keeps each once and says whether the list was read whole.

    def book_pages(self) -> Iterator[RecordPage[BookRecord]]:
        """Every book the token sees, with its members and roles (Slant API 7.2)."""
        return self._pages("/books", BookRecord)

    def pipeline_pages(self) -> Iterator[RecordPage[PipelineRecord]]:
        """Every pipeline, unfiltered: choose `book_id in (book, None)` locally (Slant API 10.10)."""
        return self._pages("/pipelines", PipelineRecord)

    def custom_field_pages(self, *, entity_type: str | None = None) -> Iterator[RecordPage[CustomField]]:
        """Custom field definitions, company-wide (Slant API 7.11)."""
        return self._pages("/custom_fields", CustomField, {"entity_type": entity_type})

    def household_pages(self) -> Iterator[RecordPage[HouseholdRecord]]:
        """Every household by pages of 100 (Slant API 7.10)."""
        return self._pages("/households", HouseholdRecord)

    def opportunity_pages(
        self, *, book_id: str | None = None, updated_since: datetime | None = None, start_page: int = 1
    ) -> Iterator[RecordPage[OpportunityRecord]]:
        """Opportunities by pages of 100. Filter again locally: Slant may ignore one (Slant API 7.9, 10.2).

        Raises SlantRejected if a filter is refused: ask again without it. Raises SlantNotFound if Slant has
        no such list (404, 405): use `household_opportunity_pages`.
        """
        filters = {"book_id": book_id, "updated_since": in_utc(updated_since) if updated_since else None}
        return self._pages("/opportunities", OpportunityRecord, filters, start_page)

    def household_opportunity_pages(self, household_id: str) -> Iterator[RecordPage[OpportunityRecord]]:
        """Opportunities of one household by pages of 100 (Slant API 7.9). Raises SlantNotFound as above."""
        path = f"{record_path('/households', household_id)}/opportunities"
        return self._pages(path, OpportunityRecord)

    # Writes -------------------------------------------------------------------------------------------

    def create_opportunity(self, body: bytes, *, key: str) -> Written:
        """Send the frozen JSON `body` as it is under the idempotency `key` (Slant API 7.5, 6)."""
        return self._write("POST", "/opportunities", body, key)

    def update_opportunity(self, opportunity_id: str, body: bytes, *, key: str) -> Written:
        """Send the frozen JSON `body` as a PATCH of one opportunity under `key` (Slant API 7.7, 6)."""
        path = record_path("/opportunities", opportunity_id)
        return self._write("PATCH", path, body, key, expected_id=opportunity_id)

    def read_back(self, earlier_answer: Written, body: bytes) -> Written:
        """Read the record of `earlier_answer` again and compare it with `body`.

        For an answer that left fields out.
        """
        return compare_again(earlier_answer, json.loads(body), self.opportunity(earlier_answer.record.id))

    # Sending ------------------------------------------------------------------------------------------

    def _pages(
        self,
        path: str,
        model: type[Item],
        filters: dict[str, str | None] | None = None,
        start_page: int = 1,
    ) -> Iterator[RecordPage[Item]]:
        """Pages until the stop rule of Slant API 4. Raises PageLimitHit after `max_pages` of them.

        A list that does not state its length ends with a page that has no new record. An unreadable page is
        passed on as broken if the next one can be read; two in a row raise the error of the first.
        """
        chosen = {name: value for name, value in (filters or {}).items() if value is not None}
        reader: PageReader[Item] = PageReader(lambda number: self._page(path, model, chosen, number))
        seen_ids: set[str] = set()
        for number in range(start_page, start_page + self._max_pages):
            for page in reader(number):
                yield page
                new = {item.id for item in (*page.items, *page.without_id)} - seen_ids
                if page.is_last or (page.total_pages is None and not new and not page.is_broken):
                    return
                seen_ids |= new
        raise errors.PageLimitHit(log_line=f"GET {path}: more than {self._max_pages} pages")

    def _page(
        self, path: str, model: type[Item], filters: Mapping[str, str], number: int
    ) -> RecordPage[Item]:
        return self._call(
            "GET",
            path,
            partial(responses.read_page, model=model, number=number),
            params=dict(filters) | {"page": str(number), "per_page": str(PER_PAGE)},
            longest=LONGEST_LIST,
        )

    def _write(self, method: str, path: str, body: bytes, key: str, *, expected_id: str = "") -> Written:
        sent_fields = checked_write(body, key)
        return self._call(
            method,
            path,
            partial(_read_written, sent_fields=sent_fields, expected_id=expected_id),
            # Without a Content-Type Slant treats any body as empty (Slant API 1).
            headers={"Content-Type": "application/json", "Idempotency-Key": key, "Connection": "close"},
            body=body,
        )

    def _call(
        self,
        method: str,
        path: str,
        read_answer: Callable[[Answer], Result],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        longest: int = LONGEST_RECORD,
    ) -> Result:
        """Send one request and read its answer with `read_answer`. Raises SlantError."""
        ended = self._before_send() if self._before_send is not None else None
        try:
            result = self._exchange(method, path, read_answer, params, headers, body, longest)
        except errors.SlantError as error:
            if ended is not None:
                ended(error)
            raise
        if ended is not None:
            ended(None)
        return result

    def _exchange(
        self,
        method: str,
        path: str,
        read_answer: Callable[[Answer], Result],
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        body: bytes | None,
        longest: int,
    ) -> Result:
        """The one exchange of `_call`. All logging is here."""
        started = self._monotonic()
        try:
            raw = self._transport.exchange(
                method,
                self._base_url + path,
                headers={**_HEADERS, **(headers or {})},
                params=params,
                body=body,
                longest=longest,
            )
        except Unanswered as lost:
            error = _error_of_lost(lost, f"{method} {path}", self._elapsed_ms(started))
            self._log(logging.WARNING, error.log_line, error.elapsed_ms)
            raise error from lost
        answer = Answer(
            method=method,
            path=path,
            status=raw.status,
            headers=raw.headers,
            body=raw.body,
            too_long=raw.too_long,
            elapsed_ms=self._elapsed_ms(started),
            secret=self._secret,
        )
        try:
            refusal = responses.error_of(answer, can_write=self._can_write, now=self._now())
            if refusal is not None:
                raise refusal
            result = read_answer(answer)
        except errors.SlantError as error:
            self._log(logging.WARNING, error.log_line, error.elapsed_ms)
            raise
        self._log(logging.INFO, f"{method} {path} -> {answer.status}", answer.elapsed_ms)
        return result

    def _elapsed_ms(self, started: float) -> int:
        return round((self._monotonic() - started) * 1000)

    def _log(self, level: int, line: str, elapsed_ms: int) -> None:
        """Log method, path, status, time and our reference: no query, no payload, no token."""
        logger.log(
            level, "%s in %d ms%s", line, elapsed_ms, f" [{self._reference}]" if self._reference else ""
        )


def _read_written(answer: Answer, *, sent_fields: dict[str, Any], expected_id: str) -> Written:
    record = responses.read_record(answer, OpportunityRecord, expected_id=expected_id)
    if all(record.cannot_read(place) for place in ("name", "book_id", "pipeline.id", "pipeline_stage.id")):
        raise responses.undocumented(answer, "an id and nothing that a deal has")
    return compare_answer(sent_fields, record, answer)


def _error_of_lost(lost: Unanswered, call: str, elapsed_ms: int) -> errors.SlantError:
    """The error of an incomplete answer, which depends on whether a byte was sent (Slant API 3)."""
    kind = errors.SlantNoAnswer if lost.bytes_sent else errors.SlantUnreachable
    status_text = "no answer" if lost.status is None else f"{lost.status}, cut"
    return kind(
        status=lost.status,
        bytes_sent=lost.bytes_sent,
        elapsed_ms=elapsed_ms,
        log_line=f"{call} -> {status_text}: {lost.why}",
    )
