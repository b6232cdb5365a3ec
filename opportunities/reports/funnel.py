"""How deals pass through the stages: of those that entered one in the period, where they went."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from .rows import ARCHIVED, ELSEWHERE, LOST, OPEN, WON, Passage, Stages


@dataclass(frozen=True)
class StageFlow:
    """`entered` is the sum of the rest. A deal that comes back to a stage enters it twice."""

    stage: str
    entered: int = 0
    moved_on: int = 0
    lost: int = 0
    archived: int = 0
    back: int = 0
    away: int = 0
    here: int = 0

    @property
    def conversion(self) -> float | None:
        """The share that moved on, of those that left the stage for good or bad: who is still there has not
        decided.
        """
        left = self.moved_on + self.lost + self.archived
        return self.moved_on / left if left else None


@dataclass(frozen=True)
class Funnel:
    """By pipeline, its open stages in order."""

    pipelines: tuple[tuple[str, tuple[StageFlow, ...]], ...]
    won: int

    def __getitem__(self, stage: str) -> StageFlow:
        return next(flow for _, flows in self.pipelines for flow in flows if flow.stage == stage)


def funnel(*, passages: Iterable[Passage], stages: Stages) -> Funnel:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    won = 0
    for each in passages:
        counts[each.stage][fate_of(each, stages)] += each.deals
        if (entered := stages.get(each.stage)) and entered.meaning == WON:
            won += each.deals
    ordered = sorted(
        (stage for stage in stages.values() if stage.meaning == OPEN), key=lambda stage: stage.order
    )
    pipelines: dict[str, list[StageFlow]] = {}
    for stage in ordered:
        found = counts.get(stage.id, {})
        flow = StageFlow(stage.id, sum(found.values()), **found)
        pipelines.setdefault(stage.pipeline, []).append(flow)
    return Funnel(tuple((pipeline, tuple(flows)) for pipeline, flows in pipelines.items()), won)


def fate_of(passage: Passage, stages: Stages) -> str:
    """The name of the count of `StageFlow` this stay belongs to."""
    if not passage.then:
        return "here"
    if passage.then == ELSEWHERE or passage.then not in stages:
        return "away"
    then, stage = stages[passage.then], stages.get(passage.stage)
    if then.meaning == LOST:
        return "lost"
    if then.meaning == ARCHIVED:
        return "archived"
    if stage and then.pipeline != stage.pipeline:
        return "away"
    if then.meaning == OPEN and stage and then.order < stage.order:
        return "back"
    return "moved_on"
