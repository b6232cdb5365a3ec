"""Deals in the mirror with their history, and a browser without scripts for each person."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from opportunities.actions import form_tokens
from opportunities.mirror import meanings
from opportunities.models import Opportunity, OpportunityVersion, Person, Stage
from tests.pages.conftest import Page, problems
from tests.support.people import Firm

__all__ = ["Page", "problems"]

Browse = Callable[[Person], Client]
MakeDeal = Callable[..., Opportunity]
HX = {"HX-Request": "true"}
BEGAN = datetime.now(UTC)


@pytest.fixture
def browse() -> Browse:
    def signed_in(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return signed_in


@pytest.fixture(autouse=True)
def _nobody_waits(settings: Any) -> None:
    """Turn off waiting, because no worker runs here."""
    settings.VIEW_WAIT_SECONDS = 0


@pytest.fixture
def make_deal(firm: Firm) -> MakeDeal:
    """A mirrored deal of the Harbor book, thirty days old, in its stage for ten days."""
    meanings.suggest(Stage.objects.all())

    def make(id: str = "op_1", **fields: Any) -> Opportunity:
        given = {
            "name": "Okonkwo rollover",
            "book": firm.harbor,
            "pipeline": firm.prospects,
            "stage": firm.qualified,
            "household": firm.okonkwo,
            "assigned_to_id": "us_owner",
            "assigned_to_name": "Olivia Owner",
            "value": 640_000,
            "probability": None,
            "target_close_date": in_days(60),
            "created_at": ago(30),
            "stage_updated_at": ago(10),
            "updated_at": ago(10),
            "first_seen_at": ago(30),
            "seen_at": ago(0),
        } | fields
        row = Opportunity.objects.create(id=id, **given)
        version(row, valid_from=ago(10))
        return row

    return make


def version(row: Opportunity, **fields: Any) -> OpportunityVersion:
    """A version of `row`: its present values, with the given ones replacing them."""
    given = {
        "opportunity_id": row.pk,
        "name": row.name,
        "book_id": row.book_id,
        "pipeline_id": row.pipeline_id,
        "stage_id": row.stage_id,
        "household_id": row.household_id or "",
        "assigned_to_id": row.assigned_to_id,
        "value": row.value,
        "probability": row.probability,
        "target_close_date": row.target_close_date,
        "stage_since": row.stage_updated_at,
        "created_at": row.created_at,
    }
    return OpportunityVersion.objects.create(**given | fields)


def edit_form(row: Opportunity, person: Person, **changed: str) -> dict[str, str]:
    """The edit form of `row` as it was opened, with what is given typed over it; `seen_` fields can be given
    too.
    """
    now = {
        "name": row.name,
        "household_id": row.household_id or "",
        "value": "" if row.value is None else str(row.value),
        "probability": "" if row.probability is None else str(row.probability),
        "target_close_date": row.target_close_date.isoformat() if row.target_close_date else "",
        "assigned_to_id": row.assigned_to_id,
    }
    seen = {f"seen_{name}": value for name, value in now.items()}
    return now | seen | {"form_token": form_tokens.issue_token(person)} | changed


def in_days(days: int) -> date:
    return timezone.now().date() + timedelta(days=days)


def ago(days: float) -> datetime:
    """A time `days` before one fixed moment, so that intervals between such times are exact."""
    return BEGAN - timedelta(days=days)
