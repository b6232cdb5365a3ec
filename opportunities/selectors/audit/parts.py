"""The values that a page of the trail consists of."""

from dataclasses import dataclass, field
from datetime import date

from django.utils import timezone

from opportunities import dates
from opportunities.models import AuditEvent


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; `tone` is "", "name" for an inserted value, or good, warn, bad."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class EventFact:
    """A line of an opened event. `code` is shown in monospace; `address` is where the line links to."""

    label: str
    text: str
    code: str = ""
    address: tuple[str, str] = ("", "")
    tone: str = ""


@dataclass(frozen=True)
class ChangedField:
    """A field before and after."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class EventLine:
    """One event."""

    event: AuditEvent
    actor: str
    machine: bool
    parts: list[Part]
    changes: list[ChangedField]
    facts: list[EventFact]
    body: str
    saw: str = ""

    @property
    def seq(self) -> int:
        return int(self.event.pk)

    @property
    def words(self) -> str:
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True)
class TrailDay:
    """Events of one day of the firm, newest first."""

    day: date
    lines: list[EventLine]

    @property
    def title(self) -> str:
        today = timezone.localdate()
        words = dates.weekday(self.day, today)
        return f"Today, {words}" if self.day == today else words


@dataclass(frozen=True)
class Seal:
    """The result of the last verification, in words; `tone` is good, bad, or "" if there was none."""

    words: str
    tone: str = ""


@dataclass(frozen=True)
class Trail:
    """A page of the trail. The next page begins below the number `older`; 0 when this is the last."""

    days: list[TrailDay]
    older: int
    seal: Seal | None = None
    people: list[tuple[str, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(day.lines) for day in self.days)
