"""Client against sandbox: tokens that may not, and every fault; what it is called, and what it did."""

from __future__ import annotations

from typing import Any

import pytest

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantBusy, SlantError, SlantNoAnswer, SlantRefusedUs, SlantUnreachable
from tests.sandbox_process import SandboxProcess
from tests.slant.deals import create, created, refusal

# --- Tokens ------------------------------------------------------------------------------------------


def test_a_read_only_token_refuses_us_for_writes(sandbox: SandboxProcess) -> None:
    reader = SlantClient(sandbox.base_url, sandbox.read_token)

    error = refusal(create, reader)

    assert (type(error), error.code) == (SlantRefusedUs, "token_read_only")
    assert next(reader.book_pages()).items


def test_a_revoked_or_unknown_token_refuses_us(sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(revoked=["write"])

    assert type(refusal(create, client)) is SlantRefusedUs
    assert type(refusal(SlantClient(sandbox.base_url, "slnt_pat_nobody").me)) is SlantRefusedUs


# --- Every fault: what it is called, and what it did --------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "records"),
    [
        ({"kind": "drop_before"}, SlantNoAnswer, 0),
        ({"kind": "drop_after"}, SlantNoAnswer, 1),
        ({"kind": "status_before", "status": 500}, SlantNoAnswer, 0),
        ({"kind": "status_after", "status": 500}, SlantNoAnswer, 1),
        ({"kind": "status_after", "status": 504}, SlantNoAnswer, 1),
        ({"kind": "status_before", "status": 409}, SlantNoAnswer, 0),
        ({"kind": "status_before", "status": 408}, SlantNoAnswer, 0),
        ({"kind": "rate_limit", "retry_after": 7}, SlantBusy, 0),
        ({"kind": "html"}, SlantNoAnswer, None),
        ({"kind": "truncate"}, SlantNoAnswer, 1),
        ({"kind": "bad_body"}, SlantNoAnswer, None),
        ({"kind": "hang"}, SlantNoAnswer, None),
        ({"kind": "delay", "delay_ms": 1500}, SlantNoAnswer, None),
        ({"kind": "commit_late", "delay_ms": 100}, SlantNoAnswer, None),
    ],
    ids=lambda value: "-".join(str(part) for part in value.values()) if isinstance(value, dict) else None,
)
def test_each_fault_is_called_by_its_name_and_sent_once(
    fault: dict[str, Any], kind: type[SlantError], records: int | None, sandbox: SandboxProcess
) -> None:
    sandbox.control(faults=[{"method": "POST", "path": "/v1/opportunities", "times": None, **fault}])
    client = SlantClient(sandbox.base_url, sandbox.token, total_timeout=0.5)

    error = refusal(create, client)

    assert type(error) is kind
    assert error.bytes_sent is True
    assert len([entry for entry in sandbox.ledger(kind="request") if entry["method"] == "POST"]) == 1
    assert records is None or created(sandbox) == records
    if isinstance(error, SlantBusy):
        assert error.retry_after == 7


def test_a_slant_that_is_down_is_unreachable_and_comes_back(
    sandbox: SandboxProcess, client: SlantClient
) -> None:
    client.me()
    sandbox.control(up=False)

    error = refusal(create, client)
    sandbox.control(up=True)

    assert type(error) is SlantUnreachable
    assert error.bytes_sent is False
    assert create(client).as_sent
    assert created(sandbox) == 1
