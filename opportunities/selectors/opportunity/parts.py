"""The values that the page of a deal consists of."""

from dataclasses import dataclass, field
from datetime import datetime

from opportunities.models import FINAL, LostReason, Opportunity, Submission
from opportunities.offer import PipelineChoice, StageChoice
from opportunities.wording import states as states_words


@dataclass(frozen=True)
class DealFact:
    """One field: its label, its value, a remark, and its tone (`bad`, `warn`, `muted`)."""

    label: str
    text: str
    note: str = ""
    tone: str = ""
    person: str = ""


@dataclass(frozen=True)
class StageStep:
    """A stage of the pipeline, as a step up to the deal's stage."""

    stage: StageChoice
    past: bool
    current: bool


@dataclass(frozen=True)
class StageTime:
    """The total time of a deal in one stage. `share` is 1-100, relative to the longest.

    `stage` is None for time without a record.
    """

    name: str
    days: str
    share: int
    current: bool
    visits: int
    stage: StageChoice | None


@dataclass(frozen=True)
class Change:
    """One observed change: by whom (empty: seen by sync), what, when."""

    by: str
    text: str
    at: datetime


@dataclass(frozen=True)
class PendingChange:
    """A requested change that is not in Slant yet. `reachable`: this person may open its page."""

    id: str
    kind: str
    state: str
    by: str
    change: str
    words: states_words.StateWords
    sentence: str
    reachable: bool

    @property
    def tone(self) -> str:
        return self.words.tone if self.words.tone in ("good", "warn", "bad") else "info"

    @property
    def motion(self) -> str:
        return "spin" if self.words.icon == "arrow-repeat" else ""


@dataclass(frozen=True)
class DealPage:
    """All that the drawer and the page of one deal show."""

    row: Opportunity
    pipeline: PipelineChoice
    stage: StageChoice
    stages: tuple[StageChoice, ...]
    steps: list[StageStep]
    facts: list[DealFact]
    custom: list[DealFact]
    custom_editable: bool
    household: DealFact
    origins: list[DealFact]
    stage_times: list[StageTime]
    age: str
    changes: list[Change]
    more_changes: int
    pending: list[PendingChange]
    lost: LostReason | None
    may_write: bool
    why_read_only: str
    slant_url: str
    unreadable: list[DealFact] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)

    @property
    def unsettled(self) -> bool:
        return any(submission.state not in FINAL for submission in self.pending)
