"""Keeps what belongs to a session but must not be readable in the database: the provider's tokens.

Fernet (AES and HMAC) with a key of its own derived from SECRET_KEY, so that a copy of the database alone opens nothing
at the provider. A changed SECRET_KEY makes what was sealed unreadable, which counts as not being there.
"""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def seal(values: dict[str, Any]) -> str:
    return _box().encrypt(json.dumps(values).encode()).decode()


def unseal(sealed: object) -> dict[str, Any]:
    """What was sealed; nothing, if it was not sealed by us, or with another SECRET_KEY."""
    if not isinstance(sealed, str) or not sealed:
        return {}
    try:
        values = json.loads(_box().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _box() -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"slantweb.session.tokens")
    return Fernet(base64.urlsafe_b64encode(key.derive(settings.SECRET_KEY.encode())))
