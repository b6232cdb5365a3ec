"""One's own submissions, newest first, a page at a time."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opportunities.models import OPEN, Person, State, Submission
from opportunities.selectors.submissions.reach import own
from opportunities.wording import submissions as submissions_words

PAGE = 50
SOON_MS, LATER_MS = 4_000, 15_000
STATES_OF = {
    "open": OPEN,
    "created": (State.CONFIRMED,),
    "refused": (State.REJECTED,),
    "withdrawn": (State.WITHDRAWN,),
}


@dataclass(frozen=True)
class ListedSubmission:
    """One submission in the list."""

    id: UUID
    reference: str
    name: str
    household: str
    book: str
    value: int | None
    created_at: datetime
    state: str
    words: str
    icon: str
    tone: str


@dataclass(frozen=True)
class SubmissionList:
    """`version` changes with any line or state; an open page asks for another in `look_again_ms`."""

    lines: list[ListedSubmission]
    older: str
    chosen: str

    @property
    def version(self) -> str:
        contents = repr(([(line.id, line.state) for line in self.lines], self.older))
        return hashlib.sha256(contents.encode()).hexdigest()[:16]

    @property
    def look_again_ms(self) -> int:
        return SOON_MS if any(line.state in OPEN for line in self.lines) else LATER_MS


def listing(person: Person, *, chosen: str = "", before: str = "") -> SubmissionList:
    """One's own, newest first, a page at a time; `before` is the id of the last one seen."""
    rows = Submission.objects.of(person)
    if chosen in STATES_OF:
        rows = rows.filter(state__in=STATES_OF[chosen])
    if last := own(person, before):
        rows = rows.filter(created_at__lt=last.created_at)
    page_rows = list(rows[: PAGE + 1])
    return SubmissionList(
        lines=[_line(row) for row in page_rows[:PAGE]],
        older=str(page_rows[PAGE - 1].pk) if len(page_rows) > PAGE else "",
        chosen=chosen if chosen in STATES_OF else "",
    )


def _line(row: Submission) -> ListedSubmission:
    words, icon, tone = submissions_words.short_state(row.kind, row.state)
    return ListedSubmission(
        id=row.pk,
        reference=row.reference,
        name=row.name,
        household=row.labels.get("household", ""),
        book=row.labels.get("book", ""),
        value=row.value,
        created_at=row.created_at,
        state=row.state,
        words=words,
        icon=icon,
        tone=tone,
    )
