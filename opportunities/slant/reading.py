"""From an answer to a typed object or an error: pure functions of status, headers and body.

Nothing here touches the network, a clock or the log, so all of it is tested without any of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opportunities.slant import errors
from opportunities.slant.complaints import Complaint, plain, read_complaint
from opportunities.slant.secret import Secret
from opportunities.slant.types import RecordPage

_NO_SECRET = Secret("")
LONGEST_WAIT = 3600.0  # seconds a Retry-After is believed (reliability 5)
_SAY_WHEN = {429, 503}  # what a Retry-After is read of (RFC 6585 4, RFC 9110 15.6.4)
_AMBIGUOUS_4XX = {408, 409, 425}  # Slant API 3: whether these were executed is not known

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer of Slant.

    headers   names in lower case
    too_long  the body went on past what we read of any
    secret    what must not come out of it again
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    too_long: bool = False
    elapsed_ms: int = 0
    secret: Secret = _NO_SECRET

    @property
    def request_id(self) -> str:
        """Slant's `X-Request-Id`, or ""."""
        return plain(self.headers.get("x-request-id"), self.secret)

    @property
    def server_date(self) -> datetime | None:
        """Slant's clock when it answered: the `Date` header (RFC 9110 6.6.1), None if absent or unreadable."""
        return http_date(self.headers.get("date"))


# --- What was refused --------------------------------------------------------------------------------


def error_of(answer: Answer, *, can_write: bool | None, now: datetime) -> errors.SlantError | None:
    """The error of a status that is no success, by the one table of Slant API 3; None for a 2xx.

    Status first, code second (Slant API 2.3). `now` is used to read a Retry-After date when the answer
    has no date of its own.
    """
    if 200 <= answer.status <= 299:
        return None
    complaint = Complaint() if answer.too_long else read_complaint(answer.body, answer.secret)
    kind = _kind_of(answer, complaint.code, can_write)
    facts = _facts(answer, complaint.code)
    if issubclass(kind, errors.SlantRejected):
        return kind(complaint.message, field_errors=complaint.field_errors, **facts)
    # Slant's words help only with what a person can put right; for the rest ours are clearer.
    if answer.status in _SAY_WHEN:
        return kind(retry_after=retry_after(answer, now=now), **facts)
    return kind(**facts)


def _kind_of(answer: Answer, code: str, can_write: bool | None) -> type[errors.SlantError]:
    status = answer.status
    if status == 401 or (status == 403 and (code == "token_read_only" or can_write is False)):
        return errors.SlantRefusedUs
    if status == 403:
        return errors.SlantForbidden
    if status in (404, 410) or (status == 405 and answer.method == "GET"):
        return errors.SlantNotFound
    if status == 429:
        return errors.SlantBusy
    if 400 <= status <= 499 and status not in _AMBIGUOUS_4XX:
        return errors.SlantRejected
    return errors.SlantNoAnswer


def retry_after(answer: Answer, *, now: datetime) -> float | None:
    """Seconds to wait, 0 to 3600, or None: from `Retry-After` (RFC 9110 10.2.3: seconds or a date), else, for
    a 429, from `X-RateLimit-Reset` or `RateLimit-Reset`, which are seconds, or an instant if they are large.
    """
    said = answer.headers.get("retry-after", "").strip()
    moment = http_date(said)
    here = answer.server_date or now
    if answer.status == 429 and moment is None and not re.fullmatch(r"\d+", said, re.ASCII):
        said = answer.headers.get("x-ratelimit-reset", answer.headers.get("ratelimit-reset", "")).strip()
    if moment is not None:
        seconds = (moment - here).total_seconds()
    elif re.fullmatch(r"\d{1,12}", said, re.ASCII):
        seconds = float(said)
        if seconds > 1e9:  # no wait is 30 years long: this is a Unix time
            seconds -= here.timestamp()
    elif re.fullmatch(r"\d+", said, re.ASCII):
        seconds = LONGEST_WAIT
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str | None) -> datetime | None:
    """An HTTP date (RFC 9110 5.6.7) in UTC, or None."""
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# --- What was answered -------------------------------------------------------------------------------


def read_record(answer: Answer, model: type[Model], *, expected_id: str = "") -> Model:
    """The one object of a 2xx. Raises SlantNoAnswer if it is not as documented, or another record's."""
    record = _parse(answer, model)
    if expected_id and getattr(record, "id", expected_id) != expected_id:
        raise undocumented(answer, "another record's id")
    return record


class _Pagination(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    current_page: int | None = Field(default=None, ge=0)
    total_pages: int | None = Field(default=None, ge=0)
    total_count: int | None = Field(default=None, ge=0)


class Envelope(BaseModel, Generic[T]):
    """The envelope of every list (Slant API 4)."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    data: tuple[T, ...]
    pagination: _Pagination = _Pagination()


def read_page(answer: Answer, envelope: type[Envelope[T]], *, number: int) -> RecordPage[T]:
    """Page `number` of a list. Raises SlantNoAnswer if it is not as documented, or another page.

    What a page past the end looks like is not documented; there any page number is taken as the end.
    """
    read = _parse(answer, envelope)
    said = read.pagination
    past_the_end = said.total_pages is not None and number > max(said.total_pages, 1)
    if said.current_page not in (None, number) and not past_the_end:
        raise undocumented(answer, f"page {said.current_page} for page {number}")
    return RecordPage(
        items=() if past_the_end else read.data,
        current_page=number,
        total_pages=said.total_pages,
        total_count=said.total_count,
        server_date=answer.server_date,
    )


def _parse(answer: Answer, model: type[Model]) -> Model:
    if answer.too_long:
        raise undocumented(answer, "more bytes than any documented answer has")
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as problem:
        # Only where and what kind: the input itself may be private, and never leaves this room.
        first = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][:8])
        why = f"{first['type']} at {place or 'the top'}"
    raise undocumented(answer, why)


def undocumented(answer: Answer, why: str) -> errors.SlantNoAnswer:
    """A 2xx that is not what Slant documents: executed or not, nothing in it can be relied on."""
    error = errors.SlantNoAnswer(**_facts(answer, f"undocumented: {why}", code=""))
    error.undocumented = True
    return error


def _facts(answer: Answer, remark: str, code: str | None = None) -> dict[str, Any]:
    log_line = f"{answer.method} {answer.path} -> {answer.status} {remark}".rstrip()
    return {
        "status": answer.status,
        "code": remark if code is None else code,
        "request_id": answer.request_id,
        "server_date": answer.server_date,
        "elapsed_ms": answer.elapsed_ms,
        "bytes_sent": True,
        "log_line": answer.secret.scrub(log_line),
    }
