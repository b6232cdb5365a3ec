"""The kinds of submission: create, edit and move. Each kind is one small class.

Elsewhere delivery asks only whether a kind makes a record (`Kind.makes_record`).
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from enum import Enum
from typing import ClassVar, Protocol

from opportunities.deal_fields import (
    IDENTIFYING,
    Fields,
    from_body,
    is_unreadable,
    to_body,
    values_of_record,
)
from opportunities.models import Kind, Submission
from opportunities.slant.client import SlantClient
from opportunities.slant.types import OpportunityRecord, Written


class Match(Enum):
    """How closely a record in Slant matches what a submission sent (reliability 2.2 (2))."""

    EXACT = "exact"
    NEAR = "near"
    NONE = "none"


@dataclass(frozen=True)
class NewDeal:
    """The fields of a create under the API's own names (Slant API 7.5). Empty string or None = not sent.

    `value` is whole US dollars, `probability` 0-100, `target_close_date` a UTC calendar day.
    """

    book_id: str
    name: str
    value: int | None = None
    probability: int | None = None
    target_close_date: date | None = None
    pipeline_type: str = ""
    pipeline_id: str = ""
    pipeline_stage_id: str = ""
    household_id: str = ""
    assigned_to_id: str = ""


@dataclass(frozen=True)
class DealChanges:
    """New values for some fields of an existing deal, under the API's names (Slant API 7.7).

    `wanted` and `seen` have the same keys: the value the person wants, and the one they saw when they asked.
    """

    opportunity_id: str
    new_values: Fields
    seen_values: Fields


class SubmissionKind(Protocol):
    """What sending and settling need to know of a kind. `calls` is how many calls of the budget one send
    costs.
    """

    calls: ClassVar[int]

    def send(self, slant: SlantClient, submission: Submission) -> Written:
        """Make the one write exchange. Raises the client's error family."""
        ...

    def matches(self, record: OpportunityRecord, submission: Submission) -> Match:
        """How closely `record` matches what was sent."""
        ...

    def conflict(self, record: OpportunityRecord, submission: Submission) -> list[str]:
        """Fields that somebody changed in Slant to a value neither seen nor wanted here."""
        ...


class CreateKind:
    """A new opportunity. It never conflicts, and its record is recognised by its fields."""

    calls: ClassVar[int] = 1

    @staticmethod
    def body(deal: NewDeal) -> Fields:
        """What is sent, in the order of Slant API 7.5, without empty fields."""
        fields = {name: value for name, value in asdict(deal).items() if value not in ("", None)}
        if deal.pipeline_id:
            fields.pop("pipeline_type", None)
        return to_body(fields)

    def send(self, slant: SlantClient, submission: Submission) -> Written:
        return slant.create_opportunity(submission.body.encode(), key=str(submission.idempotency_key))

    def matches(self, record: OpportunityRecord, submission: Submission) -> Match:
        """Exact: same name, and same household, pipeline, assignee and value where we sent them.

        Stage, probability and close date are not compared: people and Slant's automations change them.
        Near: same household or same name only. A name is compared without the spaces around it. A field that
        we cannot read may be equal, but does not match: such a record is at most near.
        """
        body_fields = sent_fields(submission)
        record_values = values_of_record(record)
        if record_values["book_id"] != body_fields["book_id"] and not is_unreadable(record_values["book_id"]):
            return Match.NONE
        same_name = record.name.strip() == body_fields["name"].strip() and not is_unreadable(
            record_values["name"]
        )
        identified = record.has_id and record_values["book_id"] == body_fields["book_id"] and same_name
        if identified and all(
            record_values[field] == body_fields[field] for field in IDENTIFYING if field in body_fields
        ):
            return Match.EXACT
        may_be_household = "household_id" in body_fields and (
            record_values["household_id"] == body_fields["household_id"]
            or is_unreadable(record_values["household_id"])
        )
        is_near = same_name or is_unreadable(record_values["name"]) or may_be_household
        return Match.NEAR if is_near else Match.NONE

    def conflict(self, record: OpportunityRecord, submission: Submission) -> list[str]:
        return []


class ChangeKind:
    """New values for fields of an existing opportunity: what an edit and a move share."""

    calls: ClassVar[int] = 2

    @staticmethod
    def body(changes: DealChanges) -> Fields:
        return to_body(changes.new_values)

    def send(self, slant: SlantClient, submission: Submission) -> Written:
        return slant.update_opportunity(
            submission.opportunity_id, submission.body.encode(), key=str(submission.idempotency_key)
        )

    def matches(self, record: OpportunityRecord, submission: Submission) -> Match:
        """Exact: the record has all wanted values. Near: somebody changed such a field to a third value."""
        body_fields = sent_fields(submission)
        record_values = values_of_record(record, body_fields)
        if all(record_values.get(field) == value for field, value in body_fields.items()):
            return Match.EXACT
        return Match.NEAR if self.conflict(record, submission) else Match.NONE

    def conflict(self, record: OpportunityRecord, submission: Submission) -> list[str]:
        """Values that a manager saw in review and chose to overwrite do not conflict."""
        body_fields = sent_fields(submission)
        record_values = values_of_record(record, body_fields)
        overwrites = submission.check_state.get("overwrites", {})
        return [
            field
            for field, seen_value in submission.seen.items()
            if record_values.get(field)
            not in (seen_value, overwrites.get(field, seen_value), body_fields.get(field))
            and field in body_fields
        ]


class EditKind(ChangeKind):
    """New values for any field Slant's PATCH takes."""


class MoveKind(ChangeKind):
    """To another stage of the same pipeline, with a probability or without."""


KINDS: dict[str, SubmissionKind] = {Kind.CREATE: CreateKind(), Kind.EDIT: EditKind(), Kind.MOVE: MoveKind()}


def kind_of(submission: Submission) -> SubmissionKind:
    return KINDS[submission.kind]


def encode_body(fields: Fields) -> str:
    """The body as text. ASCII only, so that its bytes do not depend on where it is encoded."""
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def sent_fields(submission: Submission) -> Fields:
    """The frozen body as values, with a close date as its calendar day (`YYYY-MM-DD`)."""
    return from_body(json.loads(submission.body))
