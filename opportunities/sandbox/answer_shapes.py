"""The shapes of answers in `/v1/openapi.json` (Slant API 7): what the default switches give."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

from opportunities.sandbox.checks import VALUE_MAX


class Shape(Schema):
    model_config = ConfigDict(extra="forbid")


class ErrorBody(Shape):
    code: str
    message: str
    details: dict[str, list[str]]


class Error(Shape):
    error: ErrorBody


class Access(Shape):
    auth_type: Literal["personal_access_token"]
    scope: str
    can_write: bool | None = None


class User(Shape):
    id: str
    email: str
    first_name: str | None
    last_name: str | None
    api_access: Access | None = None


class Member(Shape):
    id: str
    email: str
    first_name: str | None
    last_name: str | None
    role: Literal["principal", "contributor", "viewer"]


class Tier(Shape):
    value: int
    label: str


class Team(Shape):
    id: str
    name: str


class Book(Shape):
    id: str
    name: str
    role: Literal["principal", "contributor", "viewer"] | None
    users: list[Member]
    tiers: list[Tier]
    teams: list[Team]


class Stage(Shape):
    id: str
    name: str
    stage_order: int | None
    visible: bool
    default_probability: int | None = Field(ge=0, le=100)


class Pipeline(Shape):
    id: str
    name: str
    pipeline_type: Literal["prospect", "client"] | None
    book_id: str | None
    pipeline_stages: list[Stage]


class Opportunity(Shape):
    id: str
    name: str
    book_id: str
    pipeline: Pipeline
    pipeline_stage: Stage
    assigned_to: User
    value: int | None = Field(ge=0, le=VALUE_MAX)
    probability: int | None = Field(ge=0, le=100)
    target_close_date: str | None
    stage_updated_at: str | None
    household_id: str | None
    custom_fields: dict[str, Any]
    created_at: str
    updated_at: str


class Household(Shape):
    id: str
    type: Literal["Client", "Prospect"]
    name: str
    book_id: str
    people: list[dict[str, Any]]
    tier: str | None
    became_client_at: str | None
    profile_picture_url: str | None
    custom_fields: dict[str, Any]


class CustomField(Shape):
    id: str
    field_key: str
    display_name: str
    entity_type: str
    field_type: str
    options: dict[str, list[str]]


class Task(Shape):
    id: str
    book_id: str
    title: str
    description: str | None
    deadline_at: str | None
    all_day: bool
    status: Literal["todo", "done"]
    priority: str | None
    household_id: str | None
    contact_id: str | None
    business_id: str | None
    assigned_to_id: str | None
    assigned_team_id: str | None


class Note(Shape):
    id: str
    book_id: str
    household_id: str
    content: str
    created_at: str


class Pagination(Shape):
    current_page: int = Field(ge=1)
    total_pages: int = Field(ge=0)
    total_count: int = Field(ge=0)
    per_page: int = Field(ge=1, le=100)


class Books(Shape):
    data: list[Book]
    pagination: Pagination


class Pipelines(Shape):
    data: list[Pipeline]
    pagination: Pagination


class Opportunities(Shape):
    data: list[Opportunity]
    pagination: Pagination


class Households(Shape):
    data: list[Household]
    pagination: Pagination


class CustomFields(Shape):
    data: list[CustomField]
    pagination: Pagination
