"""The one writer of the trail.

`record()` appends an event to the chain inside the caller's transaction, so that the change and its record
are committed together or not at all. Appends are ordered by the lock on `ChainHead`.
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
_SHAPED_LIKE_ONE = Secret("")


@dataclass(frozen=True)
class Actor:
    """Who does something, as values that outlive the person: what the trail needs to know of them."""

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
        """Somebody at the command line of the server."""
        return cls(type=ActorType.OPERATOR, display=name)

    @classmethod
    def of(cls, person: Person, **where: str) -> "Actor":
        """`person` at work; `where` takes session_ref, source_ip, user_agent and request_id."""
        return cls(
            type=ActorType.USER,
            display=person.display,
            iss=person.iss,
            sub=person.sub,
            roles=tuple(person.roles),
            **where,
        )


@dataclass(frozen=True)
class Remote:
    """What Slant said, as far as the trail keeps it. Never bodies, never headers.

    `object_version` is the `updated_at` of the record it showed: which state of the deal the event speaks of.
    """

    status: int | None = None
    request_id: str = ""
    object_id: str = ""
    object_version: str = ""

    @classmethod
    def showing(
        cls, record: OpportunityRecord, *, status: int | None = None, request_id: str = ""
    ) -> "Remote":
        """What Slant said by showing `record`."""
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
    """Append one event to the chain. Must run inside the transaction of the change it tells of.

    `submission` fills object, key (hashed), attempt, generation and body hash from the row. Raises
    `RuntimeError` outside a transaction: an event without its change, or the reverse, would be a lie; and
    `TypeError` for a float in `change`, which has no one way to be written down.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record() belongs inside the transaction of the change it records")
    head = ChainHead.objects.select_for_update().get(pk=1)
    # Asked with the lock held, so that times go the way numbers go.
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
    event.save(force_insert=True)
    ChainHead.objects.filter(pk=1).update(seq=event.seq, hash=event.hash)
    return event


def wait_turn() -> None:
    """Take the lock that orders appends before `record()` does: what is read from here on holds until the
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
    """How the trail names an idempotency key: its SHA-256, so that the trail cannot be used to replay one."""
    return hashlib.sha256(key.encode()).hexdigest()


def chain_hash(event: AuditEvent) -> str:
    """SHA-256(0x00 || canonical JSON of every field but `hash`), hexadecimal (RFC 6962 leaf prefix, RFC 8785
    form).
    """
    return hashlib.sha256(b"\x00" + canonical(event_fields(event))).hexdigest()


def event_fields(event: AuditEvent) -> dict[str, Any]:
    """Every field of the event but `hash`, as plain JSON values: times as RFC 3339 UTC with microseconds."""
    return {
        column.attname: _json_value(getattr(event, column.attname))
        for column in AuditEvent._meta.concrete_fields
        if column.attname != "hash"
    }


def _clean(value: Any) -> Any:
    """`value` without anything shaped like a token or holding ours, wherever people or Slant put it.

    NUL is taken out too: PostgreSQL stores none, and an event must not fail the change it tells of.
    """
    if isinstance(value, str):
        ours = settings.SLANT_API_TOKEN
        return _SHAPED_LIKE_ONE.scrub(value.replace(ours, "[hidden]") if ours else value).replace("\0", "")
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
