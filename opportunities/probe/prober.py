"""Asking Slant and keeping the answer as it came: status, headers and body, unjudged."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from opportunities.slant.client import LONGEST_LIST, Ended, SlantClient
from opportunities.slant.error_bodies import ErrorBody, plain, read_error_body
from opportunities.slant.errors import BadId, SlantUnreachable
from opportunities.slant.request_checks import record_path
from opportunities.slant.responses import Answer, retry_after
from opportunities.slant.transport import Unanswered

logger = logging.getLogger(__name__)

MISSING: Any = object()
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "slantweb"}

Json = dict[str, Any]


class NotAsked(Exception):
    """Raised by a client's `before_send` if no call may be made now. Its text says why."""


class CannotAsk(Exception):
    """Slant cannot be asked at all. Its text is for people."""


class NoAnswer(Exception):
    """A question got no readable answer. `maybe_executed`: a write may have been executed."""

    def __init__(self, why: str, *, maybe_executed: bool = False, status: int | None = None) -> None:
        super().__init__(why)
        self.maybe_executed = maybe_executed
        self.status = status


@dataclass
class Prober:
    """Asks with `slant`'s connection, token and `before_send`, which counts calls and may raise `NotAsked`.

    on_busy     called for a 429 with the seconds to wait, or None; after one nothing more is asked
    sleep       waits some seconds between looks for a new deal in the list
    """

    slant: SlantClient
    on_busy: Callable[[float | None], object] = lambda seconds: None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    calls: int = 0
    successes: int = 0
    answers: list[Answer] = field(default_factory=list)
    _stopped: str = ""

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Json | None = None,
        key: str = "",
    ) -> Answer:
        """One exchange. Raises NoAnswer for no answer, 401, 429, 1xx, 3xx and 5xx; others are answers."""
        ended = self._may_ask()
        raw_body = None if body is None else json.dumps(body).encode()
        headers = dict(_HEADERS)
        if raw_body is not None:
            headers |= {"Content-Type": "application/json", "Connection": "close"}
        if key:
            headers["Idempotency-Key"] = key
        self.calls += 1
        started = self.monotonic()
        try:
            raw = self.slant._transport.exchange(
                method,
                self.slant._base_url + path,
                headers=headers,
                params=params,
                body=raw_body,
                longest=LONGEST_LIST,
            )
        except Unanswered as lost:
            why = lost.why if lost.bytes_sent else f"not reached ({lost.why})"
            if ended is not None and not lost.bytes_sent:
                ended(SlantUnreachable(log_line=f"{method} {path}: {why}"))
            raise NoAnswer(why, maybe_executed=lost.bytes_sent) from None
        answer = Answer(
            method,
            path,
            raw.status,
            raw.headers,
            raw.body,
            raw.too_long,
            round((self.monotonic() - started) * 1000),
            self.slant._secret,
        )
        logger.debug("probe %s -> %s in %d ms", method, answer.status, answer.elapsed_ms)
        self.answers.append(answer)
        return self._checked(answer)

    def _may_ask(self) -> Ended | None:
        if self._stopped:
            raise NoAnswer(f"not asked, {self._stopped}")
        if self.slant._before_send is not None:
            try:
                return self.slant._before_send()
            except NotAsked as why:
                self._stopped = str(why)
                raise NoAnswer(f"not asked, {why}") from None
        return None

    def _checked(self, answer: Answer) -> Answer:
        status = answer.status
        if status == 429:
            self._stopped = "Slant asked us to slow down"
            self.on_busy(retry_after(answer, now=self.now()))
            raise NoAnswer("429, Slant asks us to slow down", status=status)
        if status == 401:
            raise NoAnswer("401, Slant does not accept the token", status=status)
        if status < 200 or 300 <= status < 400 or status >= 500:
            raise NoAnswer(f"status {status}", maybe_executed=True, status=status)
        self.successes += status < 300
        return answer


def path_of(collection: str, record_id: str) -> str:
    """The path of one record. Raises NoAnswer for an id that no path can hold (reliability S14)."""
    try:
        return record_path(collection, record_id)
    except BadId:
        raise NoAnswer("that is not the id of a record") from None


# --- Reading answers of any shape ------------------------------------------------------------------------


def is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def json_of(answer: Answer) -> Any:
    """The body as JSON, or MISSING."""
    try:
        return from_json(answer.body, allow_inf_nan=False)
    except ValueError:
        return MISSING


def record_of(answer: Answer) -> Json:
    """The one object of a 2xx, with an id. Raises NoAnswer for anything else."""
    data = json_of(answer)
    if not is_success(answer):
        raise NoAnswer(refusal(answer), status=answer.status)
    if not isinstance(data, dict) or not text_at(data, "id"):
        raise NoAnswer(f"{answer.status} without the documented fields", maybe_executed=True)
    return data


def rows_of(answer: Answer) -> list[Json]:
    """The rows of a list's 2xx (API 4). Raises NoAnswer for anything else."""
    rows = at(json_of(answer), "data")
    if not is_success(answer):
        raise NoAnswer(refusal(answer), status=answer.status)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NoAnswer(f"{answer.status} without the documented fields")
    return rows


def at(data: Any, *path: str) -> Any:
    """What lies under these names, or MISSING."""
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return MISSING
        data = data[name]
    return data


def text_at(data: Any, *path: str) -> str:
    """A string under these names, or ""."""
    value = at(data, *path)
    return value if isinstance(value, str) else ""


def count_at(data: Any, *path: str) -> int | None:
    """A whole number under these names, or None."""
    value = at(data, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment_at(data: Any, *path: str) -> datetime | None:
    """A time under these names in UTC, or None."""
    try:
        moment = datetime.fromisoformat(text_at(data, *path))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def error_body_of(answer: Answer) -> ErrorBody:
    return read_error_body(answer.body, answer.secret)


def refusal(answer: Answer) -> str:
    """A refusal as its status and the names of its fields: `422 (name, value)`."""
    fields = ", ".join(sorted(error_body_of(answer).field_errors))
    return f"{answer.status} ({fields})" if fields else str(answer.status)


def same_refusal(first_answer: Answer, second_answer: Answer) -> bool:
    """Whether two refusals name the same status, code and fields."""
    if first_answer.status != second_answer.status:
        return False
    first, second = error_body_of(first_answer), error_body_of(second_answer)
    if (first.code or first.field_errors) and (second.code or second.field_errors):
        return (first.code, set(first.field_errors)) == (second.code, set(second.field_errors))
    return first_answer.body == second_answer.body


def named(words: list[str], answer: Answer) -> str:
    """Names Slant used, plain and short, for a sentence."""
    return ", ".join(word for word in (plain(word, answer.secret)[:40] for word in words[:8]) if word)
