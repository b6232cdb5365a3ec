"""The progress of a verification and its result."""

from collections.abc import Generator
from dataclasses import dataclass, field

from opportunities.trail.verifier import GOOD, Problem

# The exit code when an event is not the one that this machine's head file remembers.
NOT_AS_SEEN = 7


@dataclass(frozen=True)
class Progress:
    """How far a verification has come."""

    done: int
    total: int
    unit: str = "events"


@dataclass
class VerificationReport:
    """The result of a verification. `problem` is None when all is good; `code` is the exit code."""

    problem: Problem | None = None
    events: int = 0
    last_seq: int = 0
    checkpoints: int = 0
    vouched: int = 0
    key: str = ""
    submissions: int = 0
    archived: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        return self.problem.code if self.problem else GOOD


Verification = Generator[Progress, None, VerificationReport]
