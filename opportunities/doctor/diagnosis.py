"""What one look found, and how bad it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Process(StrEnum):
    """Which process a deployment is looked at for: the two may do and read different things."""

    WEB = "web"
    WORKER = "worker"


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_SEEN = "not seen"


@dataclass(frozen=True)
class Diagnosis:
    """One line. `words` say what is so and, unless it is well, what to do."""

    level: Level
    words: str


@dataclass(frozen=True)
class Plan:
    """What is to run: as which process we look, and how many there will be of each."""

    process: Process
    webs: int = 2
    workers: int = 2


Look = Callable[[Plan], Iterator[Diagnosis]]


def ok(words: str) -> Diagnosis:
    return Diagnosis(Level.OK, words)


def warning(words: str) -> Diagnosis:
    return Diagnosis(Level.WARNING, words)


def problem(words: str) -> Diagnosis:
    return Diagnosis(Level.PROBLEM, words)
