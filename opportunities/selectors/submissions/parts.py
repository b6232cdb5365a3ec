"""What the page of one submission is made of, as values."""

from dataclasses import dataclass
from datetime import datetime

from opportunities.models import Submission
from opportunities.wording import states as states_words


@dataclass(frozen=True)
class ProgressStep:
    """A station of the track: `done`, `now`, `doubt`, `fail`, or nothing yet."""

    label: str
    how: str = ""

    @property
    def icon(self) -> str:
        return {
            "done": "check-circle-fill",
            "now": "record-circle",
            "doubt": "question-circle-fill",
            "fail": "x-circle-fill",
        }.get(self.how, "circle")

    @property
    def spoken(self) -> str:
        return {"done": "done", "now": "in progress", "doubt": "not certain", "fail": "failed"}.get(
            self.how, "not yet"
        )


@dataclass(frozen=True)
class SentField:
    """A field as we sent it; as Slant answered it where that differs; what it was before, where seen."""

    label: str
    text: str
    slant_value: str = ""
    was: str = ""


@dataclass(frozen=True)
class Exchange:
    """One attempt in words."""

    number: int
    started_at: datetime
    words: str
    tone: str
    status: int | None
    message: str
    took: str
    remote_request_id: str


@dataclass(frozen=True)
class SubmissionPage:
    """Everything the page of one submission says."""

    row: Submission
    words: states_words.StateWords
    sentence: str
    steps: list[ProgressStep]
    sent_fields: list[SentField]
    refusals: list[tuple[str, str]]
    managers_reason: str
    exchanges: list[Exchange]
    may_withdraw: bool
    may_still_send: bool
    correct_url: str
    deal_url: str
    is_own: bool
    took: str
    version: str
    look_again_ms: int

    @property
    def busy(self) -> bool:
        return self.words.icon == "arrow-repeat"
