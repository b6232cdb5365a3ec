"""Records as Slant documents them (Slant API 7), to be changed by each test as it needs."""

from __future__ import annotations

import json
from typing import Any

STAGE = {"id": "st_qual", "name": "Qualified", "stage_order": 4, "visible": True, "default_probability": 60}
PIPELINE: dict[str, Any] = {
    "id": "pl_newbiz",
    "name": "New households",
    "pipeline_type": "prospect",
    "book_id": None,
    "pipeline_stages": [STAGE],
}
OPPORTUNITY: dict[str, Any] = {
    "id": "op_71qz5d",
    "name": "Okonkwo rollover",
    "book_id": "bk_pine01",
    "pipeline": PIPELINE,
    "pipeline_stage": STAGE,
    "assigned_to": {
        "id": "u_9xw20c",
        "email": "theo@northpine.example",
        "first_name": "Theo",
        "last_name": "Okafor",
    },
    "value": 640000,
    "probability": 55,
    "target_close_date": "2026-11-30T00:00:00Z",
    "stage_updated_at": "2026-08-14T16:20:11Z",
    "household_id": "hh_okonkwo",
    "custom_fields": {"lead_source": "Referral"},
    "created_at": "2026-07-02T09:05:40Z",
    "updated_at": "2026-08-14T16:20:11Z",
}
SENT: dict[str, Any] = {
    "book_id": "bk_pine01",
    "name": "Okonkwo rollover",
    "value": 640000,
    "probability": 55,
    "target_close_date": "2026-11-30T00:00:00Z",
    "pipeline_id": "pl_newbiz",
    "pipeline_stage_id": "st_qual",
    "household_id": "hh_okonkwo",
    "assigned_to_id": "u_9xw20c",
}
BODY = json.dumps(SENT).encode()
BOOK: dict[str, Any] = {
    "id": "bk_pine01",
    "name": "Mara's Book",
    "role": "principal",
    "users": [
        {
            "id": "u_4hd81k",
            "email": "mara@northpine.example",
            "first_name": "Mara",
            "last_name": None,
            "role": "principal",
        }
    ],
    "tiers": [{"value": 1, "label": "A-tier"}],
    "teams": [{"id": "tm_01", "name": "Planning"}],
}
HOUSEHOLD: dict[str, Any] = {
    "id": "hh_okonkwo",
    "type": "Prospect",
    "name": "The Okonkwo Family",
    "book_id": "bk_pine01",
    "people": [{"id": "pe_ada", "first_name": "Ada", "ssn": "***-**-1234"}],
    "tier": None,
}


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def page_of(records: list[Any], *, page: int = 1, pages: int = 1, count: int | None = None) -> dict[str, Any]:
    total = len(records) if count is None else count
    return {
        "data": records,
        "pagination": {"current_page": page, "total_pages": pages, "total_count": total, "per_page": 100},
    }
