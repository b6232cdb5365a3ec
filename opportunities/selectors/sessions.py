"""Where somebody is signed in, as they and managers see it."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opportunities.actions import open_sessions
from opportunities.models import OpenSession, Person

# The first match counts: Edge also calls itself Chrome, and Chrome calls itself Safari.
BROWSERS = (("Edg", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Windows", "Windows"),
    (r"iPhone|iPad", "iOS"),
    ("Android", "Android"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class SessionLine:
    """A line of the page. `is_this`: the session of the present request."""

    id: UUID
    browser: str
    source_ip: str
    began_at: datetime
    seen_at: datetime
    is_this: bool


def sessions_of(person: Person, *, this: str, now: datetime) -> list[SessionLine]:
    """The living sessions of `person`, this browser's first."""
    lines = [_session_line(session, this) for session in open_sessions.living(now).filter(person=person)]
    return sorted(lines, key=lambda line: not line.is_this)


def session_counts(now: datetime) -> Counter[UUID]:
    """How many living sessions each person has."""
    return Counter(open_sessions.living(now).order_by().values_list("person_id", flat=True))


def _session_line(row: OpenSession, this: str) -> SessionLine:
    return SessionLine(
        id=row.pk,
        browser=browser_name(row.user_agent),
        source_ip=row.source_ip,
        began_at=row.began_at,
        seen_at=row.seen_at,
        is_this=row.session_key == this,
    )


def browser_name(user_agent: str) -> str:
    """What a browser says of itself, in two words."""
    browser = next((name for part, name in BROWSERS if part in user_agent), "")
    system = next((name for part, name in SYSTEMS if re.search(part, user_agent)), "")
    if not browser:
        return "Unknown browser"
    return f"{browser} on {system}" if system else browser
