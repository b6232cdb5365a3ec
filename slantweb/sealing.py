"""Encryption of what belongs to a session and must not be readable in the database: the provider's tokens.

Fernet (AES and HMAC) with a key of its own derived from SECRET_KEY, so that a copy of the database alone
gives no access at the provider. After a change of SECRET_KEY what was sealed is unreadable, and counts as
absent.
"""

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def seal(values: dict[str, Any]) -> str:
    return _cipher().encrypt(json.dumps(values).encode()).decode()


def unseal(sealed: object) -> dict[str, Any]:
    """What was sealed; an empty dict, if it was not sealed by us, or with another SECRET_KEY."""
    if not isinstance(sealed, str) or not sealed:
        return {}
    try:
        values = json.loads(_cipher().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _cipher() -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"slantweb.session.tokens")
    return Fernet(base64.urlsafe_b64encode(key.derive(settings.SECRET_KEY.encode())))
