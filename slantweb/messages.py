"""Messages for the next page ("Okonkwo rollover was saved"), kept in the session's row.

Django's default is a cookie, which would send names of deals with every request and remain after the
sign-out.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.messages.storage.base import Message
from django.contrib.messages.storage.session import SessionStorage
from django.http.response import HttpResponseBase

from slantweb import sessions


class SessionMessages(SessionStorage):
    """Merges messages into the session's row, and only when there are new ones or some were shown.

    A page without a message, such as a poll, writes nothing.
    """

    def _store(
        self, messages: Sequence[Message], response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> list[Any]:
        session = self.request.session
        if session.session_key is None or session.modified:
            # The whole session will be written later, or there is none yet. Django's types do not have
            # `_store`.
            return list(super()._store(messages, response, *args, **kwargs))  # type: ignore[misc]
        changes: dict[str, Any] = {self.session_key: self.serialize_messages(messages) if messages else None}
        sessions.update_session(self.request, **changes)
        return []
