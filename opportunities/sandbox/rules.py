"""One request from arrival to answer, as a pure function of a world, a request and a moment (Slant API 2, 5,
6).

No Django, no sockets, no wall clock, no threads: the caller passes the time and ensures that only one call
runs at a time. The HTTP server uses a lock; a simulation calls it in-process, with its own clock:

    start = sample.build(now=seeded_now)              # once
    world = start.copy()                              # per history, cheap
    rules = Rules(world)
    answer = rules.handle(Request("POST", "/v1/opportunities", headers={...}, body=b"{...}"), now=clock())

With faults, take the steps one by one; `faults.PLANS` says which of them a fault leaves out or delays:

    exchange = rules.receive(request, now)  # in the ledger; `exchange.fault` acts
    answer = rules.arrive(exchange, now)              # sign-in, limits, idempotency; None: to be executed
    answer = answer or rules.execute(exchange, now)   # may be called later, or never (a server that crashed)
    rules.close(exchange, status=answer.status, answered=True)

Between `arrive` and `execute` the idempotency key is in use; `abandon` frees it without executing. The 429 of
a fault goes through `limit`, which treats it as one of the rules' own. Ids come from a counter in the world:
the same history gives the same ids. `world.ledger` is the judge. Settings, "somebody used Slant's own page"
and the rest of `POST /_control` are `control.apply(world, start, changes, now)`.

All `now` are seconds since the epoch in the sandbox's adjustable time; `Control.offset_s` is already in them.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from opportunities.sandbox.answers import Answer, Refused
from opportunities.sandbox.calls import Call
from opportunities.sandbox.checks import parse_json
from opportunities.sandbox.faults import Fault, pick
from opportunities.sandbox.routes import resolve
from opportunities.sandbox.store import HOUR_S, Scope, Store, StoredAnswer, Token

KEY_LIVES_S = HOUR_S  # Slant API 6
OWN_BUCKET_LIMIT = 100_000  # the observer's own limit, which `limits` does not change
WRITES = ("POST", "PUT", "PATCH", "DELETE")
KEPT_BY_DEFAULT = (400, 404, 409, 422)  # the 4xx that `idem_store_4xx` "on" keeps (Slant API 9)


@dataclass(frozen=True)
class Request:
    """What came in. `path` still encoded and without query; `headers` with any spelling of their names."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    ip: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        lower_name = name.lower()
        return next(
            (value for header_name, value in self.headers.items() if header_name.lower() == lower_name), None
        )


@dataclass
class Exchange:
    """A request being answered. `seq` is its ledger entry; `scope` what its idempotency key is kept under."""

    request: Request
    seq: int
    token: Token | None
    key: str | None
    scope: Scope | None
    body_sha256: str
    fault: Fault | None = None
    replayed: bool = False
    arrived: float = 0.0


class Rules:
    """Slant's behaviour over one `Store`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def handle(self, request: Request, now: float) -> Answer:
        """The whole life of a request on which no fault acts."""
        exchange = self.receive(request, now, with_faults=False)
        answer = self.arrive(exchange, now) or self.execute(exchange, now)
        self.close(exchange, status=answer.status, is_answered=True)
        return answer

    def receive(self, request: Request, now: float, *, with_faults: bool = True) -> Exchange:
        """Note the request in the ledger and find the fault that acts on it, if any."""
        control = self.store.control
        token, name = self._identify(request)
        key = request.header("Idempotency-Key") or None
        sha = hashlib.sha256(request.body).hexdigest()
        fault = None
        if with_faults and control.faults:
            fault, control.faults = pick(control.faults, request.method, request.path)
        seq = self.store.ledger.open_request(
            now,
            method=request.method,
            path=request.path,
            query=query_of(request),
            token=name,
            idempotency_key=key,
            content_type=request.header("Content-Type"),
            body=_json_or_none(request.body),
            body_sha256=sha,
            fault=fault.id if fault else None,
        )
        scope = None
        if key is not None and request.method in ("POST", "PATCH"):
            scope = (request.method, request.path, request.header("Authorization") or "", key)
        return Exchange(request, seq, token, key, scope, sha, fault, arrived=now)

    def arrive(self, exchange: Exchange, now: float) -> Answer | None:
        """Sign-in, limits, write access, idempotency, in this order; None means "go on to `execute`".

        Under `idem_store_4xx` = all the idempotency layer stands first and keeps 401, 403 and 429 too.
        """
        exchange.arrived = now
        keeps_all = self.store.control.switches["idem_store_4xx"] == "all"
        try:
            if keeps_all:
                stored_answer = self._known_answer(exchange, now)
                if stored_answer is not None:
                    return stored_answer
            self._sign_in(exchange, now)
            if not keeps_all:
                stored_answer = self._known_answer(exchange, now)
                if stored_answer is not None:
                    return stored_answer
        except Refused as refused:
            answer = refused.answer(self.store.control.switches)
            if keeps_all and not refused.code.startswith("idempotency_key"):
                self._remember(exchange, answer)
            return self._finished(exchange, answer, now)
        if exchange.scope is not None:
            self.store.in_flight.add(exchange.scope)
        return None

    def execute(self, exchange: Exchange, now: float, false_answer: Answer | None = None) -> Answer:
        """Do what was asked, note the writes, keep the answer under the key.

        `false_answer` is what a fault makes the server believe it answered, after the work was done.
        """
        try:
            true = self._work(exchange, now)
        finally:
            self.abandon(exchange)
        answer = false_answer or true
        self._remember(exchange, answer)
        return self._finished(exchange, answer, now)

    def limit(self, exchange: Exchange, refusal: Answer, now: float) -> Answer:
        """The 429 of a fault, treated like one of our own: kept under the key if those are, and with the
        configured headers.
        """
        if (
            self.store.control.switches["idem_store_4xx"] == "all"
            and self._stored_answer(exchange, now) is None
        ):
            self._remember(exchange, refusal)
        return self._finished(exchange, refusal, now)

    def abandon(self, exchange: Exchange) -> None:
        """Free the idempotency key of a request that will not be executed."""
        if exchange.scope is not None:
            self.store.in_flight.discard(exchange.scope)

    def close(self, exchange: Exchange, *, status: int | None, is_answered: bool, ms: int = 0) -> None:
        """Complete the ledger entry. `status` None: not one byte of an answer left."""
        self.store.ledger.close(
            exchange.seq, status=status, is_answered=is_answered, replayed=exchange.replayed, ms=ms
        )

    def _identify(self, request: Request) -> tuple[Token | None, str]:
        """The token and its name in the ledger. The scheme is exactly `Bearer` (Slant API 2.3)."""
        header = request.header("Authorization")
        if header is None or not header.startswith("Bearer "):
            return None, "missing"
        token = self.store.tokens.get(header.removeprefix("Bearer ").strip())
        return token, token.name if token else "unknown"

    def _sign_in(self, exchange: Exchange, now: float) -> None:
        token, name = self._identify(exchange.request)
        revoked = token is not None and token.name in self.store.control.revoked
        self._count(exchange.request, None if revoked else token, now)
        if name == "missing":
            raise Refused(401, "token_missing", "Send the header Authorization: Bearer <token>.")
        if token is None or revoked:
            raise Refused(401, "token_invalid", "This token is unknown or was revoked.")
        if exchange.request.method in WRITES and not token.can_write:
            raise Refused(403, "token_read_only", "This token may only read.")

    def _buckets(self, request: Request, token: Token | None) -> list[tuple[str, int]]:
        """Names and limits of the buckets a request counts in (Slant API 5)."""
        limits = self.store.control.limits
        if token is not None and token.own_bucket:
            return [(f"token {token.name}", OWN_BUCKET_LIMIT)]
        buckets = [(f"ip {request.ip}", limits["ip"])]
        if token is not None:
            company = self.store.tables["user"][token.user_id]["company_id"]
            buckets += [(f"token {token.name}", limits["token"]), (f"company {company}", limits["company"])]
        return buckets

    def _count(self, request: Request, token: Token | None, now: float) -> None:
        """Count in each bucket of the rolling hour, or refuse; a refused call is not counted."""
        named = self._buckets(request, token)
        for name, limit in named:
            times = self.store.buckets.setdefault(name, deque())
            while times and times[0] <= now - HOUR_S:
                times.popleft()
            if len(times) >= limit:
                raise Refused(429, "rate_limited", "Too Many Requests")
        for name, _ in named:
            self.store.buckets[name].append(now)

    def _known_answer(self, exchange: Exchange, now: float) -> Answer | None:
        """The answer kept under the key, a 409 while the key is in use, or None (Slant API 6, 10.7, 10.8)."""
        if exchange.scope is None:
            return None
        if exchange.scope in self.store.in_flight:
            raise Refused(409, "idempotency_key_in_use", "A request with this key is still being worked on.")
        stored = self._stored_answer(exchange, now)
        if stored is None:
            return None
        mode = self.store.control.switches["idem_mismatch"]
        if stored.body_sha256 != exchange.body_sha256 and mode != "replay":
            raise Refused(int(mode), "idempotency_key_reused", "This key came with another body before.")
        exchange.replayed = True
        return self._finished(exchange, stored.answer, now)

    def _stored_answer(self, exchange: Exchange, now: float) -> StoredAnswer | None:
        """What is kept under the key, if it still counts."""
        stored = self.store.remembered.get(exchange.scope) if exchange.scope is not None else None
        return stored if stored is not None and stored.at + KEY_LIVES_S > now else None

    def _remember(self, exchange: Exchange, answer: Answer) -> None:
        """Keep an answer: 2xx always, 5xx never, 4xx as the switch says."""
        if exchange.scope is None or answer.status >= 500:
            return
        mode = self.store.control.switches["idem_store_4xx"]
        if answer.status >= 400 and not (
            mode == "all" or (mode == "on" and answer.status in KEPT_BY_DEFAULT)
        ):
            return
        self.store.remembered[exchange.scope] = StoredAnswer(exchange.arrived, exchange.body_sha256, answer)

    def _work(self, exchange: Exchange, now: float) -> Answer:
        request, switches = exchange.request, self.store.control.switches
        try:
            endpoint, ids = resolve(request.method, request.path)
            if exchange.token is None:
                raise AssertionError("execute() without arrive()")
            call = Call(
                store=self.store,
                now=now,
                token=exchange.token,
                query=query_of(request),
                body=read_body(request) if request.method in WRITES else {},
                key=exchange.key,
                request=exchange.seq,
            )
            return endpoint(call, **ids)
        except Refused as refused:
            return refused.answer(switches)

    def _finished(self, exchange: Exchange, answer: Answer, now: float) -> Answer:
        """Add the rate headers that the switch configures (Slant API 10.22). Kept answers have none."""
        mode = self.store.control.switches["rate_headers"]
        if mode == "none" or (mode == "retry_after" and answer.status != 429):
            return answer
        if "Retry-After" in dict(answer.headers):  # a fault states its own time to retry
            return answer
        named = self._buckets(exchange.request, exchange.token)
        room, limit, name = min(
            (most - len(self.store.buckets.get(name, ())), most, name) for name, most in named
        )
        times = self.store.buckets.get(name)
        wait = max(1, int((times[0] if times else now) + HOUR_S - now) + 1)
        if mode == "retry_after":
            return Answer(
                answer.status, answer.body, answer.content_type, (*answer.headers, ("Retry-After", str(wait)))
            )
        extra = (
            ("X-RateLimit-Limit", str(limit)),
            ("X-RateLimit-Remaining", str(0 if answer.status == 429 else max(0, room))),
            ("X-RateLimit-Reset", str(int(now) + wait)),
        )
        return Answer(answer.status, answer.body, answer.content_type, answer.headers + extra)


def query_of(request: Request) -> dict[str, str]:
    """The query as names and values; of a repeated name the last value counts."""
    return dict(parse_qsl(request.query, keep_blank_values=True))


def read_body(request: Request) -> dict[str, Any]:
    """The JSON object of a body. Without `Content-Type: application/json` it is dropped in silence (Slant API
    1).
    """
    content_type = (request.header("Content-Type") or "").split(";")[0].strip().lower()
    if content_type != "application/json" or not request.body.strip():
        return {}
    body = _json_or_none(request.body)
    if not isinstance(body, dict):
        raise Refused(400, "invalid_json", "The body is not a JSON object.")
    return body


def _json_or_none(raw: bytes) -> Any:
    try:
        return parse_json(raw)
    except ValueError:
        return None
