"""A MAC for each event, under keys that no role of the database has (docs/audit.md, "A MAC for each event").

Somebody who can only write the database can append an event with a correct hash, but has no key for its MAC.
The web's key comes from SECRET_KEY, and the worker's from the key that signs checkpoints. The worker holds
both keys, because it checks every MAC before a checkpoint vouches for the event. The web holds only its own.
"""

import contextlib
import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from opportunities.models import ActorType, AuditEvent
from opportunities.trail import signing_keys

logger = logging.getLogger(__name__)

WEB, WORKER = "web", "worker"
# Events that an operator may also write as the web's account. All others of operators and workers need the
# worker's key.
OPERATOR_OF_WEB = ("sending.held", "sending.released")
# Actions that no event of a person can have, because no page does them.
NEVER_OF_WEB = (
    "submission.sending",
    "database.recovered",
    "connection.adopted",
    "reconcile.ran",
    "sync.ran",
    "probe.writing",
    "probe.ran",
    "audit.verified",
)

_writer = WORKER


class MacFault(StrEnum):
    """Why an event is not proven to be of this installation; the words end a sentence about it."""

    NO_MAC = "has no MAC"
    UNKNOWN_KEY = "has a MAC under a key that is not known here"
    WRONG = "has a wrong MAC"


def write_as_web() -> None:
    """Let this process sign as the web. It then never reads the worker's key."""
    global _writer
    _writer = WEB


def sign(event: AuditEvent) -> None:
    """Give a hashed event its MAC. If the key cannot be read, the event gets none, and the change it records
    goes on.
    """
    try:
        writer, key = _own_key(event.action)
    except (signing_keys.NoKey, OSError) as problem:
        logger.error("an event of the trail gets no MAC: %s", problem)
        return
    event.mac_key = _id_of(writer, key)
    event.mac = _mac(key, event.hash)


def _own_key(action: str) -> tuple[str, bytes]:
    # `hold` and `release` also run as the web's account, which has no key of the worker and makes none.
    if _writer == WEB or (action in OPERATOR_OF_WEB and not os.access(signing_keys.key_file(), os.R_OK)):
        return WEB, _key_of_web(settings.SECRET_KEY)
    return WORKER, _key_of_worker(signing_keys.signing_key().private_bytes_raw())


def _mac(key: bytes, hash: str) -> str:
    return hmac.digest(key, hash.encode(), "sha256").hex()


@lru_cache(maxsize=8)
def _key_of_web(secret_key: str) -> bytes:
    return _derive(secret_key.encode(), WEB)


@lru_cache(maxsize=8)
def _key_of_worker(signing_key: bytes) -> bytes:
    return _derive(signing_key, WORKER)


def _derive(secret: bytes, writer: str) -> bytes:
    info = f"slantweb.trail.event.{writer}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


@lru_cache(maxsize=32)
def _id_of(writer: str, key: bytes) -> str:
    return f"{writer}:{hashlib.sha256(key).hexdigest()[:12]}"


# Checking, which the worker's account does


@dataclass(frozen=True)
class KnownKeys:
    """The keys this process can check, by their id. Without the worker's own key no MAC can be judged."""

    by_id: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def can_check(self) -> bool:
        return any(id.startswith(f"{WORKER}:") for id in self.by_id)

    def fault_of(self, event: Mapping[str, Any], key_id: str | None, mac: str | None) -> MacFault | None:
        """Why the MAC does not prove who wrote `event`, of which hash, actor and action are asked."""
        if not mac or not key_id:
            return MacFault.NO_MAC
        key = self.by_id.get(key_id)
        if key is None:
            return MacFault.UNKNOWN_KEY
        is_right = hmac.compare_digest(_mac(key, event["hash"]).encode(), mac.encode())
        if not is_right or (key_id.startswith(f"{WEB}:") and not _is_of_web(event)):
            return MacFault.WRONG
        return None


def _is_of_web(event: Mapping[str, Any]) -> bool:
    if event["actor_type"] == ActorType.OPERATOR:
        return event["action"] in OPERATOR_OF_WEB
    return event["actor_type"] == ActorType.USER and event["action"] not in NEVER_OF_WEB


def known_keys() -> KnownKeys:
    """The present keys, and those that were in use here before. Makes no signing key."""
    try:
        if not signing_keys.key_file().exists():
            return KnownKeys()
        worker = _key_of_worker(signing_keys.signing_key().private_bytes_raw())
    except (signing_keys.NoKey, OSError):
        return KnownKeys()
    now = {_id_of(WORKER, worker): worker}
    for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        key = _key_of_web(secret_key)
        now[_id_of(WEB, key)] = key
    before = _read_memory()
    # Without the file only older keys are lost; checkpoints still prove the events before them.
    with contextlib.suppress(OSError):
        _remember({id: key for id, key in now.items() if id not in before})
    return KnownKeys(before | now)


def memory_file() -> Path:
    """The file in which the worker's account keeps each key it had, so that older MACs can still be
    checked.
    """
    return Path(settings.VAR_DIR) / "audit-event-keys"


def _read_memory() -> dict[str, bytes]:
    keys = {}
    with contextlib.suppress(OSError, ValueError):
        for line in memory_file().read_text().splitlines():
            id, _, key = line.partition(" ")
            keys[id] = bytes.fromhex(key)
    return keys


def _remember(keys: Mapping[str, bytes]) -> None:
    if not keys:
        return
    handle = os.open(memory_file(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("".join(f"{id} {key.hex()}\n" for id, key in keys.items()))
