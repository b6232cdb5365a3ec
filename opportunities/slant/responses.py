"""Makes a record, a page or an error from an answer: pure functions of status, headers and body.

Nothing here uses the network, a clock or the log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypedDict, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opportunities.slant import errors
from opportunities.slant.error_bodies import ErrorBody, plain, read_error_body
from opportunities.slant.pages import RecordPage
from opportunities.slant.record_reading import (
    assign_number,
    describe_unreadable,
    identify,
    load_json,
    read_leniently,
)
from opportunities.slant.record_types import SlantRecord
from opportunities.slant.secret import Secret

_NO_SECRET = Secret("")
LONGEST_WAIT = 3600.0  # seconds; a longer Retry-After is cut to this (reliability 5)
_WITH_RETRY_AFTER = {429, 503}  # (RFC 6585 4, RFC 9110 15.6.4)
_AMBIGUOUS_4XX = {
    408,
    409,
    425,
}  # Slant API 3: it is unknown whether requests with these answers were executed

T = TypeVar("T")
Model = TypeVar("Model", bound=SlantRecord)


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer of Slant.

    headers     names in lower case
    too_long    the body is longer than the limit
    elapsed_ms  milliseconds the exchange took
    secret      the token, which is scrubbed from all text of the answer
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
        """Slant's clock when it answered: the `Date` header (RFC 9110 6.6.1); None if it cannot be read."""
        return http_date(self.headers.get("date"))


# --- Errors ------------------------------------------------------------------------------------------


def error_of(answer: Answer, *, can_write: bool | None, now: datetime) -> errors.SlantError | None:
    """The error of a status other than a success, by the table of Slant API 3; None for a 2xx.

    The status decides first, the code second (Slant API 2.3). `now` serves to read a date in Retry-After when
    the answer has no date of its own.
    """
    if 200 <= answer.status <= 299:
        return None
    error_body = ErrorBody() if answer.too_long else read_error_body(answer.body, answer.secret)
    kind = _kind_of(answer, error_body.code, can_write)
    facts = _facts(answer, error_body.code)
    if issubclass(kind, errors.SlantRejected):
        return kind(error_body.message, field_errors=error_body.field_errors, **facts)
    # Slant's text helps only if a person can correct something. In other cases ours is clearer.
    if answer.status in _WITH_RETRY_AFTER:
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
    """Seconds to wait, 0 to 3600; None if the answer does not say.

    Read from `Retry-After` (RFC 9110 10.2.3: seconds or a date). A 429 may have `X-RateLimit-Reset` or
    `RateLimit-Reset` instead, which are seconds, or a Unix time if they are large.
    """
    text = answer.headers.get("retry-after", "").strip()
    moment = http_date(text)
    answered_at = answer.server_date or now
    if answer.status == 429 and moment is None and not re.fullmatch(r"\d+", text, re.ASCII):
        text = answer.headers.get("x-ratelimit-reset", answer.headers.get("ratelimit-reset", "")).strip()
    if moment is not None:
        seconds = (moment - answered_at).total_seconds()
    elif re.fullmatch(r"\d{1,12}", text, re.ASCII):
        seconds = float(text)
        if seconds > 1e9:  # no wait is 30 years long: this is a Unix time
            seconds -= answered_at.timestamp()
    elif re.fullmatch(r"\d+", text, re.ASCII):
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


# --- Records and pages -------------------------------------------------------------------------------


def read_record(answer: Answer, model: type[Model], *, expected_id: str = "") -> Model:
    """The one object of a 2xx. Raises SlantNoAnswer if it has no usable id, or is another record.

    A field that differs from Slant's documents is unknown and named in `unreadable`; the record is still
    read.
    """
    record = _parse_record(answer, model)
    if expected_id and getattr(record, "id", expected_id) != expected_id:
        raise undocumented(answer, "another record's id")
    return record


def _parse_record(answer: Answer, model: type[Model]) -> Model:
    _refuse_too_long(answer)
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        record = read_leniently(model, _json_of(answer))
    if record.has_id:
        return record
    raise undocumented(answer, f"no usable id: {describe_unreadable(record)}")


class _Pagination(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    current_page: int | None = Field(default=None, ge=0)
    total_pages: int | None = Field(default=None, ge=0)
    total_count: int | None = Field(default=None, ge=0)


class Envelope(BaseModel, Generic[T]):
    """The envelope of every list (Slant API 4)."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    data: tuple[T, ...]
    pagination: _Pagination


def read_page(answer: Answer, model: type[Model], *, number: int) -> RecordPage[Model]:
    """Page `number` of a list. Raises SlantNoAnswer if its envelope is broken, or it is another page.

    Its records are read one by one, so that an unreadable record does not affect the others. A page past
    the end is not documented. There any page number is accepted, and the page is empty.
    """
    _refuse_too_long(answer)
    try:
        parsed = Envelope[model].model_validate_json(answer.body)  # type: ignore[valid-type]
    except ValidationError:
        page = _read_leniently(answer, model, number)
    else:
        page = _page(answer, parsed.pagination, number, parsed.data)
    current = page.current_page
    past_the_end = page.total_pages is not None and number > max(page.total_pages, 1)
    if past_the_end:
        return RecordPage((), number, page.total_pages, page.total_count, answer.server_date)
    if current != number:
        raise undocumented(answer, f"page {current} for page {number}")
    return page


def _page(
    answer: Answer,
    pagination: _Pagination,
    number: int,
    items: tuple[Model, ...],
    without_id: tuple[Model, ...] = (),
    places: Mapping[str, int] | None = None,
) -> RecordPage[Model]:
    return RecordPage(
        items=items,
        current_page=number if pagination.current_page is None else pagination.current_page,
        total_pages=pagination.total_pages,
        total_count=pagination.total_count,
        server_date=answer.server_date,
        without_id=without_id,
        places=places or {},
        repeated=len(items) - len({item.id for item in items}),
    )


def _read_leniently(answer: Answer, model: type[Model], number: int) -> RecordPage[Model]:
    """The page, record by record. Raises SlantNoAnswer for a broken envelope."""
    body = _json_of(answer)
    rows = body.get("data") if isinstance(body, dict) else None
    counts = body.get("pagination") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise undocumented(answer, "no list at data")
    if not isinstance(counts, dict):
        raise undocumented(answer, "no object at pagination")
    records = [read_leniently(model, row) for row in rows]
    ids = ["", *(record.id if record.has_id else "" for record in records), ""]
    keyed: dict[str, Model] = {}
    places: dict[str, int] = {}
    for place, (record, row) in enumerate(zip(records, rows, strict=True), 1):
        if not record.has_id:
            before, after = ids[place - 1], ids[place + 1]
            record = identify(record, row, before=before, after=after, page=number)
            record = assign_number(record, keyed)
            keyed[record.id] = record
        if not record.is_as_documented:
            places[record.id] = place
    items = tuple(record for record in records if record.has_id)
    return _page(answer, _readable_counts(counts), number, items, tuple(keyed.values()), places)


def _readable_counts(counts: dict[str, Any]) -> _Pagination:
    """The counts of a page. One that is not as documented counts as left out."""
    good = {
        name: value
        for name, value in counts.items()
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0
    }
    return _Pagination.model_validate(good)


def _refuse_too_long(answer: Answer) -> None:
    if answer.too_long:
        raise undocumented(answer, "more bytes than any documented answer has")


def _json_of(answer: Answer) -> Any:
    try:
        return load_json(answer.body)
    except ValueError:
        raise undocumented(answer, "no JSON") from None


def undocumented(answer: Answer, why: str) -> errors.SlantNoAnswer:
    """The error of a 2xx that differs from Slant's documents: it is unknown whether the request was
    executed.
    """
    error = errors.SlantNoAnswer(**_facts(answer, f"undocumented: {why}", code=""))
    error.undocumented = True
    return error


class _Facts(TypedDict):
    """The facts of an exchange for its error, under the parameter names of `SlantError`."""

    status: int
    code: str
    request_id: str
    server_date: datetime | None
    elapsed_ms: int
    bytes_sent: bool
    log_line: str


def _facts(answer: Answer, remark: str, code: str | None = None) -> _Facts:
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
