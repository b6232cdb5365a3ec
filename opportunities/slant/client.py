"""The Slant client: one method per thing we do with Slant, in our words.

Slant is a hosted CRM for financial advisors; its API is described at https://docs.slant.app/api-reference
("Slant API n" in this package names the sections of our own notes on it). Callers may rely on this:

* **A call returns a typed object of `types.py` or raises one error of `errors.py`.** Nothing else ever
  comes out: no exception of requests, no half-read JSON. The one exception is what the caller's own
  `before_send` raises, and ValueError or TypeError for a call that is wrong in our code.
* **One call is one request**, except the list generators, which make one per page. Nothing is retried,
  neither reads nor writes, and no redirect is followed: the next tick is the retry, counted and recorded.
* **`before_send` is called immediately before every request**, each page too. The budget is counted
  there. If it raises, nothing is sent and its exception comes out unchanged.
* **Every exchange ends.** `connect_timeout` bounds name and connection, `total_timeout` the whole
  exchange from the first look-up to the last byte, also against a server that drips one byte a second.
* **A write is sent exactly as given**, byte for byte, over a connection of its own, under the given key.
  What may have been executed is never called anything but `SlantNoAnswer`.
* **The token goes into one header and nowhere else**: no log line, exception, repr or message.
* The environment is not consulted: no `~/.netrc`, no `HTTP_PROXY`, no `REQUESTS_CA_BUNDLE`. A private
  authority is given as `ca_file`. A firm that must go through a proxy has to forward at network level.

A client is immutable and may be used by any number of threads at once; reads share a small pool of
connections. `using()` makes a cheap copy with another `before_send`, reference or hint.

What must not leak out of this package: Slant's paths, headers, status codes' meanings and raw JSON.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Literal, Self

from opportunities.slant.types import (
    Book,
    CustomField,
    Household,
    Me,
    Opportunity,
    Page,
    Pipeline,
    Written,
)


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
    before_send      called immediately before each request
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
        before_send: Callable[[], None] | None = None,
        can_write: bool | None = None,
        reference: str = "",
        ca_file: str | None = None,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        raise NotImplementedError

    def using(
        self,
        *,
        before_send: Callable[[], None] | None = None,
        can_write: bool | None = None,
        reference: str | None = None,
    ) -> Self:
        """A copy with what is given replaced and the connections shared."""
        raise NotImplementedError

    def close(self) -> None:
        """Drop pooled connections. The client stays usable."""
        raise NotImplementedError

    # Reads --------------------------------------------------------------------------------------------

    def me(self) -> Me:
        """Whose token this is and whether it may write (Slant API 7.1)."""
        raise NotImplementedError

    def books(self) -> Iterator[Book]:
        """Every book the token sees, with its members and roles (Slant API 7.2)."""
        raise NotImplementedError

    def book(self, book_id: str) -> Book:
        """One book (Slant API 7.2)."""
        raise NotImplementedError

    def pipelines(self) -> Iterator[Pipeline]:
        """Every pipeline, unfiltered: choose `book_id in (book, None)` locally (Slant API 10.10)."""
        raise NotImplementedError

    def pipeline(self, pipeline_id: str) -> Pipeline:
        """One pipeline with its stages in order (Slant API 7.3)."""
        raise NotImplementedError

    def households(
        self,
        *,
        book_id: str | None = None,
        kind: Literal["prospect", "client"] | None = None,
        updated_since: datetime | None = None,
    ) -> Iterator[Household]:
        """Households; filter again locally (Slant API 7.10). SlantRejected if a filter is refused."""
        raise NotImplementedError

    def opportunities(
        self, *, book_id: str | None = None, updated_since: datetime | None = None
    ) -> Iterator[Opportunity]:
        """Opportunities, each id once; filter again locally (Slant API 7.9, 10.2).

        SlantRejected if a filter is refused: ask again without it. SlantNotFound if Slant has no such
        list (404, 405): fall back to `household_opportunities`.
        """
        raise NotImplementedError

    def household_opportunities(self, household_id: str) -> Iterator[Opportunity]:
        """Opportunities of one household, each id once (Slant API 7.9). SlantNotFound as above."""
        raise NotImplementedError

    def opportunity(self, opportunity_id: str) -> Opportunity:
        """One opportunity (Slant API 7.6)."""
        raise NotImplementedError

    def custom_fields(self, *, entity_type: str | None = None) -> Iterator[CustomField]:
        """Custom field definitions, company-wide (Slant API 7.11)."""
        raise NotImplementedError

    # The same lists page by page: one call each, for a caller that counts, stops and resumes. ---------

    def household_pages(
        self,
        *,
        book_id: str | None = None,
        kind: Literal["prospect", "client"] | None = None,
        updated_since: datetime | None = None,
        start_page: int = 1,
    ) -> Iterator[Page[Household]]:
        """`households` by pages of 100."""
        raise NotImplementedError

    def opportunity_pages(
        self, *, book_id: str | None = None, updated_since: datetime | None = None, start_page: int = 1
    ) -> Iterator[Page[Opportunity]]:
        """`opportunities` by pages of 100, not de-duplicated: `types.Scan` does that and weighs the proof."""
        raise NotImplementedError

    def household_opportunity_pages(
        self, household_id: str, *, start_page: int = 1
    ) -> Iterator[Page[Opportunity]]:
        """`household_opportunities` by pages of 100."""
        raise NotImplementedError

    # Writes -------------------------------------------------------------------------------------------

    def create_opportunity(self, body: bytes, *, key: str) -> Written:
        """Send the frozen JSON `body` as it is under the idempotency `key` (Slant API 7.5, 6)."""
        raise NotImplementedError

    def update_opportunity(self, opportunity_id: str, body: bytes, *, key: str) -> Written:
        """Send the frozen JSON `body` as a PATCH of one opportunity under `key` (Slant API 7.7, 6)."""
        raise NotImplementedError
