"""What a page has to say on the next one ("Okonkwo rollover was saved"), kept in the session's row.

Django's default is a cookie: that would carry the names of deals through every request, and outlive the sign-out.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.session import SessionStorage
from django.http.response import HttpResponseBase

from slantweb import sessions


class InSession(SessionStorage):
    """Written as everything in a living session is: merged into its row, and only when there is something to say or
    something was said. A page without a message, a poll above all, writes nothing."""

    def _store(
        self, messages: Sequence[Message], response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> list[Any]:
        session = self.request.session
        if session.session_key is None or session.modified:
            # It is about to be written as a whole, or there is none yet.
            return list(super()._store(messages, response, *args, **kwargs))  # type: ignore[misc]
        kept: dict[str, Any] = {self.session_key: self.serialize_messages(messages) if messages else None}
        sessions.write(self.request, **kept)
        return []
