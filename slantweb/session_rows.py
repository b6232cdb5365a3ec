"""Sessions in the database, which nobody can use who reads or writes only that: `SESSION_ENGINE`.

Django names each row by the session's key, which is what the cookie holds. Here the name is a hash of the
key, so that rows and backups hold no cookie. The signed content says which row it belongs to, and counts for
nothing in another: whoever copies somebody's content into their own row is signed out.

A session that the version before began stays as that version wrote it, so that nobody is signed out by an
upgrade or on the way back. Its own limits end it after eight hours.
"""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

from opportunities.models.sessions import row_name

# In the signed content: the name of the row that it belongs to.
ROW = "row"


class SessionStore(db.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        # Whether the version before began it, whose rows are named by the key.
        self._is_older = False

    @property
    def row(self) -> str:
        """The name of this session's row; empty where there is none."""
        # Loads it, if that was not done yet.
        self.keys()
        key = str(self.session_key or "")
        return key if self._is_older or not key else row_name(key)

    def load(self) -> dict[str, Any]:
        key, data = str(self.session_key or ""), None
        self._is_older = False
        if key:
            data = self._content_of(row_name(key))
            if data is None:
                data = self._content_of(key)
                # Without a beginning its limits would never end it.
                self._is_older = data is not None and ROW not in data and "began" in data
        if data is None or (not self._is_older and data.pop(ROW, None) != row_name(key)):
            # No such row, or one that was given another's content.
            self._session_key = None
            return {}
        return data

    def _content_of(self, name: str) -> dict[str, Any] | None:
        """The content of the row `name`, if there is one. Another's content lacks no mark of its row."""
        row = self.model.objects.filter(session_key=name, expire_date__gt=timezone.now()).first()
        data: dict[str, Any] | None = self.decode(row.session_data) if row else None
        return data

    def exists(self, session_key: str | None) -> bool:
        return self.model.objects.filter(session_key__in=_names(session_key)).exists()

    def create(self) -> None:
        self._is_older = False
        super().create()

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        row = super().create_model_instance(data)
        if not self._is_older:
            row.session_key = row_name(row.session_key)
            row.session_data = self.encode(data | {ROW: row.session_key})
        return row

    def delete(self, session_key: str | None = None) -> None:
        self.model.objects.filter(session_key__in=_names(session_key or self.session_key)).delete()


def _names(session_key: str | None) -> list[str]:
    return [session_key, row_name(session_key)] if session_key else []
