"""The state that a board shows, as the token it sends back with each poll.

`deals.ways.pipelines`: the newest change of deals and of pipelines that the person may see, and between them
a digest of the unconfirmed changes. The two numbers count over the whole firm, so they are sealed for the
person: their growth would show how much happens in other people's books.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings

from opportunities.models import Person

# A sealed number has 24 bytes, which are this many letters.
LONGEST = 32
NOTHING = -1


@dataclass(frozen=True)
class SeenRevisions:
    """The newest revision of deals and of pipelines, and the digest of unconfirmed changes."""

    deals: int
    ways: str
    pipelines: int

    def token(self, person: Person) -> str:
        return f"{_seal(person.pk.bytes, self.deals)}.{self.ways}.{_seal(person.pk.bytes, self.pipelines)}"


def read_token(person: Person, token: str) -> SeenRevisions:
    """The state that `person`'s board shows. A token of another person, or a forged one, counts as an empty
    board.
    """
    deals, _, rest = token.partition(".")
    ways, _, pipelines = rest.partition(".")
    return SeenRevisions(_unseal(person.pk.bytes, deals), ways, _unseal(person.pk.bytes, pipelines))


def digest(ways: Iterable[str]) -> str:
    """Eight letters that identify the unconfirmed changes. Ids are normalized, because the databases write
    them differently.
    """
    text = "\n".join(sorted(way.replace("-", "") for way in ways))
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text else ""


@lru_cache(maxsize=4096)
def _seal(owner: bytes, number: int) -> str:
    """Encrypt a number. For one person the same number gives the same text each time (RFC 5297: no nonce)."""
    return urlsafe_b64encode(_cipher().encrypt(number.to_bytes(8), [owner])).decode()


@lru_cache(maxsize=4096)
def _unseal(owner: bytes, text: str) -> int:
    if len(text) > LONGEST or not text.isascii():
        return NOTHING
    try:
        return int.from_bytes(_cipher().decrypt(urlsafe_b64decode(text), [owner]))
    except (InvalidTag, ValueError):
        return NOTHING


def _cipher() -> AESSIV:
    return AESSIV(hmac.digest(settings.SECRET_KEY.encode(), b"slantweb.board.seen", "sha256"))
