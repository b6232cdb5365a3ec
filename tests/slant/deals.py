"""A deal to send to the sandbox, and short words for sending it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError
from opportunities.slant.pages import HasId, RecordPage, Scan
from opportunities.slant.types import Written
from tests.sandbox_process import SandboxProcess

CLOSE_DAY = (datetime.now(UTC) + timedelta(days=40)).date()
DEAL: dict[str, Any] = {
    "book_id": "bk_pine01",
    "name": "Okonkwo second rollover",
    "value": 640000,
    "probability": 55,
    "target_close_date": f"{CLOSE_DAY}T00:00:00Z",
    "pipeline_id": "pl_newbiz",
    "pipeline_stage_id": "st_qual",
    "household_id": "hh_okonkwo",
    "assigned_to_id": "u_9xw20c",
}
KNOWN = "op_71qz5d"

Item = TypeVar("Item", bound=HasId)


def frozen(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


def create(
    client: SlantClient, *, key: str = "key-1", without: tuple[str, ...] = (), **changes: Any
) -> Written:
    record = {name: value for name, value in (DEAL | changes).items() if name not in without}
    return client.create_opportunity(frozen(record), key=key)


def update(client: SlantClient, *, key: str = "key-u", **changes: Any) -> Written:
    return client.update_opportunity(KNOWN, frozen(changes), key=key)


def items(pages: Iterable[RecordPage[Item]]) -> list[Item]:
    """The distinct records of pages, in the order they came in."""
    scan: Scan[Item] = Scan()
    for page in pages:
        scan.add(page)
    return list(scan)


def refusal(call: Any, *args: Any, **options: Any) -> SlantError:
    with pytest.raises(SlantError) as caught:
        call(*args, **options)
    return caught.value


def created(sandbox: SandboxProcess) -> int:
    return len([entry for entry in sandbox.writes() if entry["action"] == "create"])
