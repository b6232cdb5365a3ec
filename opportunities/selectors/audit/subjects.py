"""The objects of the events of a page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from opportunities.models import Attempt, AuditEvent, Opportunity, Person, Stage, Submission
from opportunities.trail import query
from opportunities.trail.query import OPPORTUNITY_TYPES, SUBMISSION_TYPES


@dataclass(frozen=True)
class KnownObjects:
    """What the calling page has read already, so that it is not read again. `stages` are names by id."""

    submissions: Sequence[Submission] = ()
    deals: Sequence[Opportunity] = ()
    stages: Mapping[str, str] = field(default_factory=dict)


class EventSubjects:
    """The objects of the events of a page, fetched once for all of them."""

    def __init__(self, events: Iterable[AuditEvent], known_objects: KnownObjects) -> None:
        self._events, self._known = list(events), known_objects

    @cached_property
    def submissions(self) -> dict[str, Submission]:
        ids = {event.object_id for event in self._events if event.object_type in SUBMISSION_TYPES}
        submissions_by_id = {str(row.pk): row for row in self._known.submissions}
        if missing := [id for id in ids - set(submissions_by_id) if query.is_uuid(id)]:
            submissions_by_id |= {str(row.pk): row for row in Submission.objects.filter(pk__in=missing)}
        return submissions_by_id

    @cached_property
    def attempts(self) -> dict[tuple[str, int], Attempt]:
        rows = Attempt.objects.filter(submission_id__in=list(self.submissions))
        return {(str(row.submission_id), row.number): row for row in rows}

    @cached_property
    def deals(self) -> dict[str, Opportunity]:
        ids = {event.object_id for event in self._events if event.object_type in OPPORTUNITY_TYPES}
        deals_by_id = {row.pk: row for row in self._known.deals}
        if missing := ids - set(deals_by_id):
            deals_by_id |= {row.pk: row for row in Opportunity.objects.filter(pk__in=missing)}
        return deals_by_id

    @cached_property
    def stages(self) -> dict[str, str]:
        """Names, by id, of the stages in the moves and settings of this page."""
        ids = {event.object_id for event in self._events if event.object_type == "stage"}
        for row in self.submissions.values():
            ids |= {body_field(row, "pipeline_stage_id"), str(row.seen.get("pipeline_stage_id", ""))}
        stage_names = dict(self._known.stages)
        if missing := ids - {"", *stage_names}:
            stage_names |= dict(Stage.objects.filter(pk__in=missing).values_list("pk", "name"))
        return stage_names

    @cached_property
    def people(self) -> dict[str, str]:
        ids = {event.object_id for event in self._events if event.object_type == "person"}
        rows = Person.objects.filter(pk__in=[id for id in ids if query.is_uuid(id)])
        return {str(row.pk): row.display for row in rows}


def body_field(row: Submission, name: str) -> str:
    """A field of the body that was sent; empty if it was not in it."""
    try:
        return str(json.loads(row.body).get(name, ""))
    except (ValueError, AttributeError):
        return ""
