"""The only writer of the trail.

`record()` appends an event to the chain inside the caller's transaction, so that a change and its event are
committed together or not at all. The lock on `ChainHead` orders the appends.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import connection

from opportunities.clock import Clock
from opportunities.models import ActorType, AuditEvent, ChainHead, Person, Submission
from opportunities.slant.secret import Secret
from opportunities.slant.types import OpportunityRecord
from opportunities.trail import event_macs
from opportunities.trail.verifier import canonical

__all__ = [
    "NO_CHANGE",
    "NO_REMOTE",
    "Actor",
    "AuditChange",
    "Remote",
    "canonical",
    "chain_hash",
    "event_fields",
    "key_id",
    "plain_time",
    "record",
    "wait_turn",
]

SCHEMA_VERSION = 1
_TOKEN_SHAPE = Secret("")


@dataclass(frozen=True)
class Actor:
    """Who does something, copied as values so that the event outlives the person."""

    type: str
    display: str
    iss: str = ""
    sub: str = ""
    roles: tuple[str, ...] = ()
    session_ref: str = ""
    source_ip: str = ""
    user_agent: str = ""
    request_id: str = ""

    @classmethod
    def worker(cls, name: str) -> "Actor":
        return cls(type=ActorType.WORKER, display=name)

    @classmethod
    def operator(cls, name: str) -> "Actor":
        """A person at the command line of the server."""
        return cls(type=ActorType.OPERATOR, display=name)

    @classmethod
    def of(cls, person: Person, **origin: str) -> "Actor":
        """`person` as the actor; `origin` takes session_ref, source_ip, user_agent and request_id."""
        return cls(
            type=ActorType.USER,
            display=person.display,
            iss=person.iss,
            sub=person.sub,
            roles=tuple(person.roles),
            **origin,
        )


@dataclass(frozen=True)
class Remote:
    """What the trail keeps of Slant's answer: no bodies and no headers.

    `object_version` is the `updated_at` of the record in the answer, which names the state of the deal at the
    event.
    """

    status: int | None = None
    request_id: str = ""
    object_id: str = ""
    object_version: str = ""

    @classmethod
    def showing(
        cls, record: OpportunityRecord, *, status: int | None = None, request_id: str = ""
    ) -> "Remote":
        """The answer that showed `record`."""
        version = plain_time(record.updated_at) if record.updated_at else ""
        return cls(status, request_id, record.id, version)


@dataclass(frozen=True)
class AuditChange:
    """Changed fields only; values are JSON without floats."""

    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


NO_REMOTE = Remote()
NO_CHANGE = AuditChange()


def record(
    *,
    clock: Clock,
    by: Actor,
    action: str,
    object_type: str = "",
    object_id: str = "",
    object_version: str = "",
    change: AuditChange = NO_CHANGE,
    outcome: str = "",
    reason_code: str = "",
    reason_text: str = "",
    remote: Remote = NO_REMOTE,
    submission: Submission | None = None,
    occurred_at: datetime | None = None,
) -> AuditEvent:
    """Append one event to the chain, inside the transaction of the change it records.

    `submission` fills object, key (hashed), attempt, generation and body hash from the row. Raises
    RuntimeError outside a transaction, which could keep the event without its change. Raises TypeError for a
    float in `change`, which has more than one JSON form.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record() belongs inside the transaction of the change it records")
    head = ChainHead.objects.select_for_update().get(pk=1)
    # Read with the lock held, so that times and numbers have the same order.
    now = clock.now()
    event = AuditEvent(
        event_id=uuid4(),
        occurred_at=occurred_at or now,
        recorded_at=now,
        actor_type=by.type,
        actor_iss=by.iss,
        actor_sub=by.sub,
        actor_display=by.display[:320],
        actor_roles=list(by.roles),
        session_ref=by.session_ref,
        source_ip=by.source_ip,
        user_agent=_clean(by.user_agent)[:300],
        request_id=by.request_id,
        action=action,
        object_type=object_type,
        object_id=object_id,
        object_version=object_version or remote.object_version,
        before=_clean(change.before),
        after=_clean(change.after),
        outcome=outcome,
        reason_code=reason_code,
        reason_text=_clean(reason_text)[:1000],
        remote_status=remote.status,
        remote_request_id=_clean(remote.request_id)[:200],
        remote_object_id=remote.object_id,
        app_version=settings.APP_VERSION,
        schema_version=SCHEMA_VERSION,
    )
    if submission is not None:
        _fill_from(event, submission)
    event.seq = head.seq + 1
    event.prev_hash = head.hash
    event.hash = chain_hash(event)
    event_macs.sign(event)
    event.save(force_insert=True)
    ChainHead.objects.filter(pk=1).update(seq=event.seq, hash=event.hash)
    return event


def wait_turn() -> None:
    """Take the lock that orders appends, so that nobody else appends between the caller's reads and its
    commit.
    """
    ChainHead.objects.select_for_update().get(pk=1)


def _fill_from(event: AuditEvent, submission: Submission) -> None:
    event.object_type = "submission"
    event.object_id = str(submission.pk)
    event.key_id = key_id(str(submission.idempotency_key))
    event.attempt = submission.attempts_count
    event.generation = submission.generation
    event.body_sha256 = submission.body_sha256


def key_id(key: str) -> str:
    """The SHA-256 of an idempotency key. The trail holds it instead of the key, so that nobody can replay a
    key.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def chain_hash(event: AuditEvent) -> str:
    """SHA-256(0x00 || canonical JSON of every field but `hash`), hexadecimal (RFC 6962, RFC 8785)."""
    return hashlib.sha256(b"\x00" + canonical(event_fields(event))).hexdigest()


def event_fields(event: AuditEvent) -> dict[str, Any]:
    """Every hashed field of the event, as plain JSON values: times as RFC 3339 UTC with microseconds."""
    return {
        name: _json_value(getattr(event, name)) for name in AuditEvent.chained_columns() if name != "hash"
    }


def _clean(value: Any) -> Any:
    """`value` without our token and anything shaped like one, at any depth.

    NUL is removed too: PostgreSQL cannot store it, and an event must not make the change it records fail.
    """
    if isinstance(value, str):
        token = settings.SLANT_API_TOKEN
        return _TOKEN_SHAPE.scrub(value.replace(token, "[hidden]") if token else value).replace("\0", "")
    if isinstance(value, dict):
        return {_clean(str(name)): _clean(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in value]
    if isinstance(value, float):
        raise TypeError("no floats in the trail: money is whole dollars")
    return value


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return plain_time(value)
    if isinstance(value, (str, int, bool, list, dict)) or value is None:
        return value
    return str(value)


def plain_time(value: datetime) -> str:
    """RFC 3339 in UTC with microseconds, as the chain hashes it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
