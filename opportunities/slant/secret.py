"""The token, wrapped so that it cannot be printed by accident."""

from __future__ import annotations

import re

from requests import PreparedRequest
from requests.auth import AuthBase

# Anything shaped like a token or an Authorization header, ours or not.
_LOOKS_SECRET = re.compile(r"slnt_pat_[^\s\"'<>]*|\bBearer\s+\S+", re.IGNORECASE)
_HIDDEN = "[hidden]"


class Secret:
    """A string that repr, str and format do not show. `scrub` removes it from other text."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        """Raises ValueError, without showing the value, for a value that no header can hold."""
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("the Slant token must be printable ASCII without spaces")
        self.__value = value

    def reveal(self) -> str:
        """The value itself, for the Authorization header only."""
        return self.__value

    def scrub(self, text: str) -> str:
        """`text` without the value and without anything shaped like a token."""
        if self.__value:
            text = text.replace(self.__value, _HIDDEN)
        return _LOOKS_SECRET.sub(_HIDDEN, text)

    def __repr__(self) -> str:
        return "Secret()"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class BearerAuth(AuthBase):
    """Sets the Authorization header of a request, and nothing else may set it (Slant API 2, 3)."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        return request
