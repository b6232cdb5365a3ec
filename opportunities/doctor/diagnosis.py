"""The result of one check, and its severity."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Process(StrEnum):
    """The process for which a deployment is checked: the two have different rights and settings."""

    WEB = "web"
    WORKER = "worker"


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    NOT_SEEN = "not seen"


@dataclass(frozen=True)
class Diagnosis:
    """One line of the output. `words` say what was found and, if it is not good, what to do."""

    level: Level
    words: str


@dataclass(frozen=True)
class Plan:
    """The deployment to check: for which process, and how many of each kind will run."""

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
