"""`manage.py probe_slant`: the table, the counted calls, the trail, the exit code."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from opportunities.clock import SystemClock
from opportunities.delivery import holds
from opportunities.models import AuditEvent, Instance
from opportunities.runtime import budget
from opportunities.trail.audit import Actor
from tests.sandbox_process import SandboxProcess

PRIVATE = ("okonkwo", "northpine", "hh_", "op_", "pl_", "st_", "u_4hd81k", "slnt_pat")


@pytest.fixture
def ours(db: None, sandbox: SandboxProcess, settings: Any) -> SandboxProcess:
    settings.SLANT_BASE_URL, settings.SLANT_API_TOKEN = sandbox.base_url, sandbox.token
    return sandbox


def run(*args: str) -> str:
    out = StringIO()
    call_command("probe_slant", *args, stdout=out)
    return out.getvalue()


def test_the_table_has_a_line_for_each_point_and_the_settings_that_follow(ours: SandboxProcess) -> None:
    said = run()

    assert said.splitlines()[0].split() == ["Point", "Question", "What", "Slant", "does", "What", "follows"]
    assert "10.10" in said
    assert "included: 3 of 3" in said
    assert "Settings that follow: none, the defaults fit what was seen." in said
    assert max(map(len, said.splitlines())) <= 200


def test_settings_are_named_with_their_values(ours: SandboxProcess) -> None:
    ours.control(switches={"rate_headers": "x_ratelimit"}, limits={"token": 600})

    assert "Settings that follow:\n  SLANT_HOURLY_BUDGET=540" in run()


def test_machines_get_the_same_as_json(ours: SandboxProcess) -> None:
    said = json.loads(run("--json", "--write", "--book", "bk_pine01"))

    by_topic = {finding["topic"]: finding for finding in said["findings"]}
    assert by_topic["create_status"]["seen"] == "201"
    assert set(by_topic["create_status"]) == {
        "point", "question", "seen", "follows", "topic", "told", "settings",
    }  # fmt: skip
    assert said["test_deal"].startswith("Slantweb probe ")
    assert said["calls"] == len(ours.ledger(kind="request"))


@pytest.mark.parametrize("shape", ["nested", "html"])
def test_nothing_of_a_client_or_the_token_comes_out(ours: SandboxProcess, shape: str) -> None:
    ours.control(switches={"error_shape": shape})

    said = run("--write", "--book", "bk_pine01", "--out-of-reach", "op_salt99").lower()

    assert [word for word in PRIVATE if word in said] == []


def test_every_call_is_counted_and_the_trail_says_what_was_done(ours: SandboxProcess) -> None:
    before = budget.calls_left(SystemClock())

    run("--write", "--book", "bk_pine01")

    calls = len(ours.ledger(kind="request"))
    assert before - budget.calls_left(SystemClock()) == calls
    events = AuditEvent.objects.order_by("seq").values_list("action", "object_id", "after")
    assert list(events) == [
        ("probe.writing", "bk_pine01", {}),
        ("probe.ran", "bk_pine01", {"calls": calls, "test_deals": 1}),
    ]


def test_a_429_is_obeyed_by_everybody(ours: SandboxProcess) -> None:
    ours.control(faults=[{"path": "/v1/pipelines", "kind": "rate_limit", "retry_after": 90, "times": 1}])

    run()

    with pytest.raises(budget.BudgetSpent):
        budget.take(budget.Share.PEOPLE, calls=1, clock=SystemClock())


def test_while_sending_is_stopped_nothing_is_written(ours: SandboxProcess) -> None:
    holds.hold(holds.STOPPED, reason="audit", by=Actor.operator("anna"), clock=SystemClock())

    said = run("--write", "--book", "bk_pine01", "--json")

    assert "cannot be told: sending is stopped; see `manage.py release`" in said
    assert ours.writes() == []


def test_another_firms_slant_is_read_and_never_written(ours: SandboxProcess) -> None:
    Instance.objects.update(slant_base_url="https://api.slant.example/v1")

    assert "this database belongs to another Slant" in run("--write", "--book", "bk_pine01", "--json")
    assert ours.writes() == []


def test_a_slant_that_cannot_be_asked_is_an_error(ours: SandboxProcess) -> None:
    ours.control(up=False)

    with pytest.raises(CommandError, match="Slant cannot be asked: not reached"):
        run()


def test_writing_needs_a_book(ours: SandboxProcess) -> None:
    with pytest.raises(CommandError, match="--write needs --book"):
        run("--write")

    assert ours.ledger() == []


def test_a_missing_address_is_an_error_not_a_trace(db: None, settings: Any) -> None:
    settings.SLANT_BASE_URL = ""

    with pytest.raises(CommandError, match="SLANT_BASE_URL and SLANT_API_TOKEN: the Slant base URL is"):
        run()
