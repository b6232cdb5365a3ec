"""What the events of a page are about."""

import json
from collections.abc import Iterable
from functools import cached_property

from opportunities.actions import finding
from opportunities.actions.finding import OPPORTUNITY_TYPES, SUBMISSION_TYPES
from opportunities.models import Attempt, AuditEvent, Opportunity, Person, Stage, Submission


class Around:
    """What the events of a page are about, fetched once for all of them."""

    def __init__(self, events: Iterable[AuditEvent]) -> None:
        self._events = list(events)

    @cached_property
    def submissions(self) -> dict[str, Submission]:
        ids = {event.object_id for event in self._events if event.object_type in SUBMISSION_TYPES}
        rows = Submission.objects.filter(pk__in=[id for id in ids if finding.is_uuid(id)])
        return {str(row.pk): row for row in rows}

    @cached_property
    def attempts(self) -> dict[tuple[str, int], Attempt]:
        rows = Attempt.objects.filter(submission_id__in=list(self.submissions))
        return {(str(row.submission_id), row.number): row for row in rows}

    @cached_property
    def deals(self) -> dict[str, Opportunity]:
        ids = {event.object_id for event in self._events if event.object_type in OPPORTUNITY_TYPES}
        return {row.pk: row for row in Opportunity.objects.filter(pk__in=ids)}

    @cached_property
    def stages(self) -> dict[str, str]:
        """Names of the stages that moves and settings of this page speak of."""
        ids = {event.object_id for event in self._events if event.object_type == "stage"}
        for row in self.submissions.values():
            ids |= {sent(row, "pipeline_stage_id"), str(row.seen.get("pipeline_stage_id", ""))}
        return dict(Stage.objects.filter(pk__in=ids).values_list("pk", "name"))

    @cached_property
    def people(self) -> dict[str, str]:
        ids = {event.object_id for event in self._events if event.object_type == "person"}
        rows = Person.objects.filter(pk__in=[id for id in ids if finding.is_uuid(id)])
        return {str(row.pk): row.display for row in rows}


def sent(row: Submission, name: str) -> str:
    """A field of what was sent, empty if it was not."""
    try:
        return str(json.loads(row.body).get(name, ""))
    except (ValueError, AttributeError):
        return ""
