"""The one test deal: what it tells, that it is one, and that it is put away whatever happens."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from opportunities.probe import NotAsked, ProbeOptions, Prober, run_probe
from opportunities.probe.questions import WRITE_TOPICS
from opportunities.slant.client import SlantClient
from opportunities.slant.transport import Raw
from tests.probe.conftest import BOOK, WRITE, Look
from tests.sandbox_process import SandboxProcess

CREATE = "/v1/opportunities"


def test_reading_writes_nothing_and_says_what_writing_would_tell(look: Look, sandbox: SandboxProcess) -> None:
    found = look(ProbeOptions(book_id=BOOK))

    assert {entry["method"] for entry in sandbox.ledger(kind="request")} == {"GET"}
    assert {found[topic].seen for topic in WRITE_TOPICS} == {"cannot be told: it takes a test deal, --write"}


def test_writing_makes_one_named_deal_and_archives_it(look: Look, sandbox: SandboxProcess) -> None:
    found = look()

    made = [write["record"] for write in sandbox.writes() if write["action"] == "create"]
    left = [write["record"] for write in sandbox.writes()][-1]
    assert len(made) == 1
    assert re.fullmatch(r"Slantweb probe \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC - please delete", made[0]["name"])
    assert {write["record"]["id"] for write in sandbox.writes()} == {made[0]["id"]}
    assert (made[0]["household_id"], left["pipeline_stage"]["name"]) == (None, "Archived")
    assert left["value"] == 12_345, "what a person is asked to compare in Slant must still be there"
    assert found["test_deal"].seen == "made, and moved to its pipeline's last stage for what is over"


def test_the_lag_of_the_list_is_measured(look: Look, sandbox: SandboxProcess) -> None:
    sandbox.control(list_lag_s=0.2)

    seen = look(replace(WRITE, looks=(0.0, 0.5)))["list_lag"].seen

    assert re.fullmatch(r"after 0\.[5-9] s, at look 2", seen)


def test_a_list_that_never_shows_it_asks_for_longer_waits(look: Look, sandbox: SandboxProcess) -> None:
    sandbox.control(list_lag_s=600)

    found = look(replace(WRITE, looks=(0.0, 0.1)))["list_lag"]

    assert found.seen == "not within 0 s on its first or last page"
    assert found.settings == {"QUIET_SECONDS": "240"}


def test_a_lag_over_a_minute_asks_for_twice_as_long(sandbox: SandboxProcess) -> None:
    sandbox.control(list_lag_s=100)
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        sandbox.control(clock={"offset_s": now[0]})

    client = SlantClient(sandbox.base_url, sandbox.token)
    report = run_probe(
        Prober(client, sleep=sleep, monotonic=lambda: now[0]), replace(WRITE, looks=(0.0, 50, 60))
    )

    assert report.settings == {"QUIET_SECONDS": "220"}


def test_a_token_that_may_only_read_writes_nothing(look: Look, sandbox: SandboxProcess) -> None:
    found = look(token=sandbox.read_token)

    assert found["me_can_write"].seen == 'can_write is present and false; scope is "read_only"'
    assert found["create_status"].seen == "cannot be told: the token may only read"
    assert sandbox.writes() == []


@pytest.mark.parametrize(
    ("book", "why"),
    [
        ("bk_nowhere", "the given book is not among those the token sees (404)"),
        ("bk_cedar3", "Slant refuses writes in this book: 403 book_read_only"),
    ],
)
def test_a_book_that_cannot_take_it_is_said(look: Look, sandbox: SandboxProcess, book: str, why: str) -> None:
    found = look(replace(WRITE, book_id=book))

    assert found["test_deal"].seen == f"cannot be told: {why}"
    assert sandbox.writes() == []


@pytest.mark.parametrize("kind", ["drop_after", "bad_body", "status_after", "truncate"])
def test_a_create_whose_answer_was_lost_is_found_and_not_sent_again(
    look: Look, sandbox: SandboxProcess, kind: str
) -> None:
    # The first POST is the one to be refused.
    sandbox.control(
        switches={"idem_store_4xx": "off"},
        faults=[{"method": "POST", "path": CREATE, "kind": kind, "times": 1, "skip": 1}],
    )

    found = look()

    assert [write["action"] for write in sandbox.writes()].count("create") == 1
    assert found["create_status"].seen.startswith("cannot be told: the create got no answer (")
    assert found["null_in_patch"].seen == "it clears"
    assert found["test_deal"].seen.startswith("made, and moved")


@pytest.mark.parametrize("kind", ["drop_before", "status_before"])
def test_a_create_that_is_not_found_is_not_sent_again_and_named(
    look: Look, sandbox: SandboxProcess, kind: str
) -> None:
    sandbox.control(faults=[{"method": "POST", "path": CREATE, "kind": kind, "times": 1, "skip": 1}])

    found = look()

    assert sandbox.writes() == []
    assert 'look in Slant for "Slantweb probe ' in found["test_deal"].seen


def test_when_slant_slows_us_down_half_way_the_deal_left_behind_is_said(
    look: Look, sandbox: SandboxProcess
) -> None:
    sandbox.control(faults=[{"method": "PATCH", "path": CREATE + "/*", "kind": "rate_limit", "times": 1}])

    found = look()

    assert found["test_deal"].seen.startswith(
        "made, but not put away: not asked, Slant asked us to slow down"
    )
    assert found["create_status"].seen == "201"


def test_when_our_own_budget_ends_half_way_it_is_said(sandbox: SandboxProcess) -> None:
    left = [10]

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise NotAsked("no call to Slant before 12:30:00")

    client = SlantClient(sandbox.base_url, sandbox.token, before_send=count)
    report = run_probe(Prober(client), WRITE)

    found = {finding.topic: finding.seen for finding in report.findings}
    assert report.calls == 10
    assert found["no_access"].startswith("cannot be told")
    assert found["error_shape"] == "no answer: not asked, no call to Slant before 12:30:00"


Twist = Callable[[str, Raw, Any], Raw]


class _Twisted:
    """The real transport, with answers changed on the way."""

    def __init__(self, real: Any, twist: Twist) -> None:
        self._real, self._twist = real, twist

    def exchange(self, method: str, url: str, **more: Any) -> Raw:
        raw: Raw = self._real.exchange(method, url, **more)
        return self._twist(method, raw, more.get("body"))


def twisted(sandbox: SandboxProcess, twist: Twist) -> dict[str, Any]:
    client = SlantClient(sandbox.base_url, sandbox.token)
    client._transport = _Twisted(client._transport, twist)  # type: ignore[assignment]
    return {finding.topic: finding for finding in run_probe(Prober(client), WRITE).findings}


@pytest.mark.parametrize(
    ("factor", "seen"), [(100, "comes back a hundredfold"), (0.01, "comes back a hundredth")]
)
def test_a_value_in_another_unit_forbids_going_live(
    sandbox: SandboxProcess, factor: float, seen: str
) -> None:
    def cents(method: str, raw: Raw, body: Any) -> Raw:
        if method != "POST" or raw.status != 201:
            return raw
        record = json.loads(raw.body)
        return Raw(201, raw.headers, json.dumps(record | {"value": record["value"] * factor}).encode(), False)

    found = twisted(sandbox, cents)["unit"]

    assert (found.seen, found.follows.startswith("do not go live")) == (seen, True)


def test_a_header_that_marks_replays_is_found(sandbox: SandboxProcess) -> None:
    seen_before: set[str] = set()

    def marked(method: str, raw: Raw, body: Any) -> Raw:
        if method == "POST" and raw.status == 201:
            told = {"idempotent-replayed": "true"} if seen_before else {}
            seen_before.add("a create")
            return Raw(201, raw.headers | told, raw.body, False)
        return raw

    assert twisted(sandbox, marked)["replay_marker"].seen == "yes: idempotent-replayed"


def test_a_slant_that_forgets_keys_is_caught_and_both_deals_put_away(
    look: Look, sandbox: SandboxProcess
) -> None:
    forgets = Prober.ask

    def ask(self: Prober, method: str, path: str, **more: Any) -> Any:
        return forgets(self, method, path, **more | {"key": ""})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prober, "ask", ask)
        found = look()

    created = {write["id"] for write in sandbox.writes() if write["action"] == "create"}
    archived = {
        write["id"] for write in sandbox.writes() if write["record"]["pipeline_stage"]["name"] == "Archived"
    }
    assert found["idem_replay"].seen == "no: A SECOND DEAL WAS MADE"
    assert found["idem_mismatch"].seen == "it is executed as if the key were new"
    assert (len(created), archived) == (2, created)
