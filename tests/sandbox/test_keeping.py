"""What was written to a kept sandbox is there after a restart; ids and ledger numbers go on."""

from pathlib import Path

import pytest

from tests.sandbox_process import SandboxProcess


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "sandbox.jsonl"


def create(sandbox: SandboxProcess, name: str) -> str:
    body = {"book_id": "bk_pine01", "name": name, "pipeline_id": "pl_newbiz"}
    status, made = sandbox.request("POST", "/opportunities", body)
    assert status == 201
    return str(made["id"])


def test_a_restart_forgets_nothing_that_was_written(state: Path) -> None:
    sandbox = SandboxProcess()
    sandbox.start(state=state)
    kept = create(sandbox, "Kept")
    sandbox.control(records=[{"op": "patch", "id": kept, "set": {"value": 5}}])
    last = sandbox.last_seq()
    sandbox.kill()

    sandbox.start(state=state)
    _, record = sandbox.get(f"/opportunities/{kept}")
    another = create(sandbox, "After")
    seq = sandbox.writes()[0]["seq"]
    sandbox.stop()

    assert (record["name"], record["value"]) == ("Kept", 5)
    assert another != kept
    assert seq > last


def test_a_reset_is_kept_too(state: Path) -> None:
    sandbox = SandboxProcess()
    sandbox.start(state=state)
    gone = create(sandbox, "Gone")
    sandbox.reset()
    sandbox.stop()

    sandbox.start(state=state)
    status, _ = sandbox.get(f"/opportunities/{gone}")
    sandbox.stop()

    assert status == 404


def test_a_kept_world_says_that_it_does_not_begin_anew(
    state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def said(opportunities: int | None) -> str:
        sandbox = SandboxProcess()
        sandbox.start(state=state, opportunities=opportunities)
        with sandbox:
            assert sandbox.get("/opportunities")[1]["pagination"]["total_count"] == 7
        return capfd.readouterr().err

    assert said(7) == ""
    assert said(7) == ""
    assert said(None) == ""
    (line,) = said(500).splitlines()
    assert str(state) in line
    assert "7 opportunities" in line
    assert "500" in line
