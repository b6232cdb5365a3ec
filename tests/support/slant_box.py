"""Slant in the same process: the sandbox's rules behind the real client, with a clock that the test sets.

Only the client's transport is replaced, so reading, the error table and budgets are the real ones. Faults of
a socket are words in `box.mischief`, one for each write in turn:

    "ok", "refused", "drop_before", "drop_after", "slow" (written after 30 s), or a status to
    answer before ("500") or after ("+500") the write.
"""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from opportunities.delivery.kinds import NewDeal
from opportunities.sandbox import control, sample
from opportunities.sandbox.answers import Answer
from opportunities.sandbox.rules import Request, Rules
from opportunities.slant.client import SlantClient
from opportunities.slant.transport import Raw, Unanswered

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class TurnedClock:
    """A clock that moves only when a test moves it, wall and monotonic time alike."""

    def __init__(self, now: datetime = START) -> None:
        self._now, self._monotonic = now, 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.turn(seconds)

    def turn(self, seconds: float = 0, *, minutes: float = 0) -> None:
        self._now += timedelta(seconds=seconds, minutes=minutes)
        self._monotonic += seconds + minutes * 60

    def jump(self, seconds: float) -> None:
        """Move only the wall clock."""
        self._now += timedelta(seconds=seconds)


class SlantBox:
    def __init__(self, clock: TurnedClock, opportunities: int = sample.OPPORTUNITIES) -> None:
        self.clock = clock
        self._is_usual = opportunities == sample.OPPORTUNITIES
        self._start = sample.build(now=clock.now().timestamp(), opportunities=opportunities)
        self.store = self._start.copy()
        self.rules = Rules(self.store)
        self.mischief: deque[str] = deque()
        self.down = False
        self.late: list[tuple[float, Any]] = []
        # Called before each read is answered: a change between two pages, or `Unanswered` for a lost one.
        self.before_read: Callable[[], None] = lambda: None

    @property
    def is_untouched(self) -> bool:
        """Whether it is the sample firm, without a call or a change since it was made."""
        return self._is_usual and self.store == self._start and not self.down and not self.mischief

    def client(self, token: str = "slnt_pat_sandbox_write") -> SlantClient:
        client = SlantClient(
            "http://127.0.0.1:9/v1", token, now=self.clock.now, monotonic=self.clock.monotonic
        )
        client._transport = _BoxTransport(self, token)  # type: ignore[assignment]
        return client

    def control(self, **changes: Any) -> None:
        control.apply(self.store, self._start, changes, self.clock.now().timestamp())

    def edit(self, record_id: str, **fields: Any) -> None:
        """Change a record as somebody on Slant's own page would."""
        self.control(records=[{"op": "patch", "id": record_id, "set": fields}])

    @property
    def writes(self) -> list[dict[str, Any]]:
        return [entry for entry in self.store.ledger.entries if entry["kind"] == "write" and entry["request"]]

    @property
    def created(self) -> list[dict[str, Any]]:
        return [entry["record"] for entry in self.writes if entry["action"] == "create"]

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [entry for entry in self.store.ledger.entries if entry["kind"] == "request"]

    @property
    def sends(self) -> list[dict[str, Any]]:
        return [entry for entry in self.requests if entry["method"] in ("POST", "PATCH")]


class _BoxTransport:
    def __init__(self, box: SlantBox, token: str) -> None:
        self._box, self._token = box, token

    def close(self) -> None: ...

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        longest: int,
    ) -> Raw:
        box = self._box
        now = box.clock.now().timestamp()
        for due, late in [pair for pair in box.late if pair[0] <= now]:
            box.late.remove((due, late))
            box.rules.execute(late, due)
        if box.down:
            raise Unanswered("refused", bytes_sent=False)
        if body is None:
            box.before_read()
        trick = (box.mischief.popleft() if box.mischief else "ok") if body is not None else "ok"
        if trick == "refused":
            raise Unanswered("refused", bytes_sent=False)
        sent = {**headers, "Authorization": f"Bearer {self._token}"}
        request = Request(method, urlsplit(url).path, urlencode(params or {}), sent, body or b"")
        exchange = box.rules.receive(request, now)
        if trick == "drop_before":
            box.rules.close(exchange, status=None, is_answered=False)
            raise Unanswered("dropped", bytes_sent=True)
        if trick.isdigit():
            box.rules.close(exchange, status=int(trick), is_answered=True)
            return Raw(int(trick), {}, b"", False)
        answer = box.rules.arrive(exchange, now)
        if trick == "slow":
            box.late.append((now + 30, exchange))
            raise Unanswered("deadline passed", bytes_sent=True)
        # A key is kept with what the server believes it answered: a 5xx is never stored (Slant API 6).
        false = Answer(int(trick), b"") if trick.startswith("+") else None
        answer = answer or box.rules.execute(exchange, now, false)
        if trick == "drop_after":
            box.rules.close(exchange, status=None, is_answered=False)
            raise Unanswered("dropped", bytes_sent=True)
        box.rules.close(exchange, status=answer.status, is_answered=True)
        told = {"content-type": answer.content_type} | {name.lower(): value for name, value in answer.headers}
        return Raw(answer.status, told, answer.body, False)


def deal(**fields: Any) -> NewDeal:
    """A deal that the sample firm accepts, in the book of its own example (Slant API 7.5)."""
    defaults: dict[str, Any] = {
        "book_id": "bk_pine01",
        "name": "Okonkwo second opinion",
        "value": 640_000,
        "pipeline_id": "pl_newbiz",
        "pipeline_stage_id": "st_qual",
        "household_id": "hh_okonkwo",
        "assigned_to_id": "u_9xw20c",
    }
    return NewDeal(**defaults | fields)
