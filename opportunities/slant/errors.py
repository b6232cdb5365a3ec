"""The errors the Slant client raises: one class for each thing a caller would do differently.

This is the table of Slant API 3. A call to the client returns a typed object or raises exactly one of these.
For a write they mean:

==================  ======================================================  =========  ==================
class               met                                                     executed?  the submission
==================  ======================================================  =========  ==================
SlantRejected       400, 413, 415, 422, any other 4xx not below             no         rejected
  SlantNotFound     404, 410                                                no         rejected
    BadId           an id that cannot stand in a path; nothing was sent     no         rejected
  SlantForbidden    403, unless the token is read-only                      no         rejected
SlantRefusedUs      401; 403 `token_read_only`; any 403 of a read-only      no         queued, queue held
                    token
SlantBusy           429                                                     no         queued until it says
SlantUnreachable    no byte of the request left: name, connection, TLS      no         queued
SlantNoAnswer       everything else: 408, 409, 425, 1xx, 3xx, 5xx, reset,   not known  unknown
                    timeout, cut, oversized or undocumented 2xx
  PageLimitHit      a list with more pages than the client will read        (reads)    -
==================  ======================================================  =========  ==================

Reads raise the same classes and change no submission. For a read 405 is SlantNotFound too, because it says
that Slant has no such list (Slant API 10.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class SlantError(Exception):
    """The parent. `str()` of an error is its `log_line`; `message` is the line for people.

    status         HTTP status, or None when there was no answer
    code           Slant's own code ("invalid_json"), or ""
    request_id     Slant's `X-Request-Id`, or ""
    field_errors   Slant's field name -> reasons, plain short text; {} when it named no field
    message        one or two plain sentences, safe to show: never a raw body, markup or a secret
    log_line       method, path, status, code: never a payload, a query or a secret
    server_date    the answer's `Date` in UTC, to measure Slant's clock against ours; None if absent
    bytes_sent     False proves that no byte of the request left this machine
    elapsed_ms     milliseconds the exchange took
    retry_after    seconds, 0 to 3600, to wait before the next call (429, 503); None if Slant does not say
    """

    general = "Slant could not be used."
    assume_sent = True

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        field_errors: Mapping[str, list[str]] | None = None,
        log_line: str = "",
        server_date: datetime | None = None,
        bytes_sent: bool | None = None,
        elapsed_ms: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(log_line or message or self.general)
        self.message = message or self.general
        self.status = status
        self.code = code
        self.request_id = request_id
        self.field_errors: dict[str, list[str]] = dict(field_errors or {})
        self.log_line = log_line or self.message
        self.server_date = server_date
        self.bytes_sent = self.assume_sent if bytes_sent is None else bytes_sent
        self.elapsed_ms = elapsed_ms
        self.retry_after = retry_after


class SlantRejected(SlantError):
    """Slant read the request and refused it. Nothing was written, and a resend would be refused too."""

    general = "Slant did not accept this."


class SlantNotFound(SlantRejected):
    """404 or 410: the record, or the path, does not exist or is out of the token's reach (Slant API 10.5)."""

    general = "Slant has no such record, or it is out of reach."


class BadId(SlantNotFound):
    """An id that cannot be one path segment: empty, ".", "..", a control character, over 200 characters.

    Nothing was sent. It is a kind of "not found", because no record of Slant can have such an id
    (reliability S14).
    """

    general = "That is not the id of a record in Slant."
    assume_sent = False


class SlantForbidden(SlantRejected):
    """403 for this book or record, by a token that may otherwise write."""

    general = "Slant does not let this connection write in that book."


class SlantRefusedUs(SlantError):
    """401, or a 403 that says the token cannot write at all. Not executed; other calls would fail too."""

    general = "Slant does not accept our connection at the moment."


class SlantBusy(SlantError):
    """429. Not executed."""

    general = "Slant asks us to slow down."


class SlantUnreachable(SlantError):
    """No connection was made, so nothing was sent: name not resolved, refused, timed out, TLS failed."""

    general = "Slant cannot be reached at the moment."
    assume_sent = False


class SlantNoAnswer(SlantError):
    """The request may have been executed, and the answer, if any, cannot be used.

    undocumented   a complete 2xx came, but not as Slant documents it, so another try is unlikely to help
    """

    general = "Slant did not give an answer we can rely on."
    undocumented = False


class PageLimitHit(SlantNoAnswer):
    """A list has more pages than the client reads, so the records read are not all."""

    general = "Slant's list is longer than we are prepared to read."
