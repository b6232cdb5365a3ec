"""Encrypts the part of a session that must not be readable in the database: the provider's tokens.

Fernet (AES and HMAC) with a key of its own derived from SECRET_KEY, so that a copy of the database alone
gives no access at the provider. SECRET_KEY_FALLBACKS still open what was sealed with them. With another key
it cannot be opened, and counts as absent.
"""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def seal(values: dict[str, Any]) -> str:
    return _cipher().encrypt(json.dumps(values).encode()).decode()


def unseal(sealed: object) -> dict[str, Any]:
    """The sealed dict; an empty one if we did not seal it, or no longer have the key."""
    if not isinstance(sealed, str) or not sealed:
        return {}
    try:
        values = json.loads(_cipher().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _cipher() -> MultiFernet:
    """The cipher, which seals with the first key and opens with any."""
    return MultiFernet([_cipher_of(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _cipher_of(secret_key: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"slantweb.session.tokens")
    return Fernet(base64.urlsafe_b64encode(key.derive(secret_key.encode())))
