"""Which browsers somebody is signed in with."""

import hashlib
import uuid

from django.db import models

from opportunities.models.people import Person


def row_name(session_key: str) -> str:
    """The name of a session in the database. From it nobody gets to the key, which the cookie holds."""
    return hashlib.sha256(f"slantweb.session:{session_key}".encode(errors="replace")).hexdigest()[:40]


class OpenSession(models.Model):
    """A session of Django's that somebody is signed in with; it counts only while that session exists.

    `session_key` is its name in the database (`row_name`). `ref` names it in the trail, and `provider_sid` at
    the sign-on provider (its claim `sid`), where it has a name there. No foreign key to the session: older
    versions, which know no such row, delete sessions too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session_key = models.CharField(max_length=40, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="open_sessions")
    ref = models.CharField(max_length=64, blank=True)
    provider_sid = models.CharField(max_length=255, blank=True, db_index=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    source_ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.person_id} since {self.began_at}"
