"""The first start of an installation whose Slant shows records that are not as it documents them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.odd_records import ODD_DEALS, ODD_IDS
from tests.support.processes import WRITE_TOKEN, Installation, Sandbox, Template, wait_until

pytestmark = pytest.mark.process
# Beside deals: of each other list one record that is odd.
ODD_OTHERS: list[dict[str, Any]] = [
    {"op": "show", "id": "hh_okonkwo", "set": {"name": 7}},
    {"op": "show", "id": "hh_juouir", "set": {"type": 1}},
    {"op": "show", "id": "bk_alder2", "set": {"users": [{"id": "u_4hd81k", "first_name": 7}]}},
    {
        "op": "show",
        "id": "pl_growth",
        "set": {"pipeline_stages": [{"id": "st_odd", "name": "Odd", "default_probability": 12.5}]},
    },
]


def ids_of_deals(sandbox: Sandbox) -> list[str]:
    token = {"Authorization": f"Bearer {WRITE_TOKEN}"}
    answer = requests.get(f"{sandbox.slant_url}/opportunities?per_page=100", headers=token, timeout=10)
    return [row["id"] for row in answer.json()["data"]]


@pytest.fixture
def odd_slant(tmp_path: Path) -> Iterator[Sandbox]:
    """A Slant that shows deals in each of the odd ways, before anybody of ours has read it."""
    sandbox = Sandbox(tmp_path / "sandbox.log")
    ways = [how for _, how in ODD_DEALS.values()] + list(ODD_IDS.values())
    deals = [{"op": "show", "id": id, **how} for id, how in zip(ids_of_deals(sandbox), ways, strict=False)]
    assert len(deals) == len(ways)
    sandbox.control(records=[*deals, *ODD_OTHERS])
    yield sandbox
    sandbox.process.stop()


def test_a_first_sync_over_odd_records_completes_and_the_pages_are_ready(
    odd_slant: Sandbox, installation_template: Template, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with Installation(home, installation_template, slant_url=odd_slant.slant_url) as installation:
        told: dict[str, Any] = {}

        def has_read_everything() -> bool:
            """The records count as they are read, and the sync is whole a little later."""
            told.update(requests.get(f"{installation.url}/readyz", timeout=5).json())
            counted = told["checks"]["sync"]["unreadable"] >= len(ODD_DEALS) + len(ODD_OTHERS)
            return bool(counted and told["status"] == "ok")

        wait_until(has_read_everything, *installation.processes.values())

        assert told["checks"]["sync"]["ok"]
