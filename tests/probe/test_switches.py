"""The probe reports every switch of Slant API 9 rightly, in every position."""

from dataclasses import replace

import pytest

from opportunities.probe import ProbeOptions, Prober, run_probe
from opportunities.sandbox.store import SWITCHES
from opportunities.slant.client import SlantClient
from tests.probe.conftest import WRITE, Look
from tests.sandbox_process import SandboxProcess

# switch -> the topic that reports it, and what is read there for each position.
REPORTED: dict[str, tuple[str, dict[str, str]]] = {
    "error_shape": (
        "error_shape",
        {
            "nested": "nested: error.code, error.details, error.message",
            "flat": "flat: error, error_description, errors",
            "field_map": "field map: code, errors, message",
            "html": "an HTML page",
        },
    ),
    "validation_status": (
        "validation_status",
        {
            "422": "422 for a create, naming probability, target_close_date",
            "400": "400 for a create, naming probability, target_close_date",
        },
    ),
    "create_status": ("create_status", {"201": "201", "200": "200"}),
    "idem_mismatch": (
        "idem_mismatch",
        {"replay": "the first answer again", "409": "refused: 409", "422": "refused: 422"},
    ),
    "idem_store_4xx": (
        "idem_store_4xx",
        {
            "on": "yes, a {invalid}, but not a 403",
            "off": "no: neither a {invalid} nor a 403",
            "all": "yes, all that could be tried: a {invalid} and a 403",
        },
    ),
    "list_opportunities": ("list_opportunities", {"on": "yes: 140 deals", "not_found": "no: 404"}),
    "list_filters": (
        "list_filters",
        {
            "ignore": "ignored: deals of other books come too",
            "apply": "applied",
            "reject": "refused: {refused}",
        },
    ),
    "rate_headers": (
        "rate_headers",
        {
            "none": "no: on none of {answers} answers",
            "retry_after": "no: on none of {answers} answers",
            "x_ratelimit": "yes: x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset; "
            "the limit is 1000",
        },
    ),
    "me_can_write": (
        "me_can_write",
        {
            "present": 'can_write is present and true; scope is "read_write"',
            "absent": 'can_write is absent; scope is "read_write"',
        },
    ),
    "probability_when_omitted": (
        "probability_when_omitted",
        {"null": "null is kept", "stage_default": "the stage's default is stored: 10"},
    ),
    "unrestricted_pipeline_type": (
        "unrestricted_pipeline_type",
        {"null": "null", "any": '"any"', "prospect": '"prospect"'},
    ),
    "company_pipelines_with_book_filter": (
        "company_pipelines_with_book_filter",
        {"include": "included: 3 of 3", "exclude": "left out: none of 3"},
    ),
    "null_in_patch": (
        "null_in_patch",
        {"clear": "it clears", "ignore": "ignored: the value stays", "reject": "refused: {refused_date}"},
    ),
    "unknown_field": ("unknown_field", {"ignore": "ignored", "reject": "refused: {refused_unknown}"}),
    "past_close_date_in_patch": (
        "past_close_date_in_patch",
        {"allow": "allowed", "reject": "refused: {refused_date}"},
    ),
    "no_access": (
        "no_access",
        {"404": "404, as for an id nobody has (if the given one is right)", "403": "403"},
    ),
    "nested_pipeline": (
        "nested_pipeline",
        {"full": "full: with its stages", "slim": "slim: without its stages"},
    ),
}
CASES = [(switch, value) for switch, values in SWITCHES.items() for value in values]
FULL = replace(WRITE, out_of_reach="op_salt99", unrestricted="pl_events")


def positions(round_: int) -> dict[str, str]:
    """Every switch in the position of this round, or its last. A missing list would hide the rest."""
    chosen = {switch: values[min(round_, len(values) - 1)] for switch, values in SWITCHES.items()}
    return chosen | {"list_opportunities": "on" if round_ < 4 else "not_found"}


@pytest.fixture(scope="module")
def rounds(_one_sandbox: SandboxProcess) -> list[dict[str, str]]:
    """What was seen, by topic, in five rounds that together meet every position of every switch."""
    seen = []
    for round_ in range(5):
        _one_sandbox.reset()
        _one_sandbox.control(switches=positions(round_))
        report = run_probe(Prober(SlantClient(_one_sandbox.base_url, _one_sandbox.token)), FULL)
        words = {finding.topic: finding.seen for finding in report.findings}
        seen.append(words | {"answers": str(report.calls)})
    return seen


def test_every_switch_is_reported_somewhere() -> None:
    assert {switch: tuple(said) for switch, (_, said) in REPORTED.items()} == SWITCHES


@pytest.mark.parametrize(("switch", "value"), CASES)
def test_the_probe_says_what_the_switch_says(rounds: list[dict[str, str]], switch: str, value: str) -> None:
    round_ = next(number for number in range(5) if positions(number)[switch] == value)
    topic, said = REPORTED[switch]
    invalid = positions(round_)["validation_status"]

    expected = said[value].format(
        invalid=invalid,
        answers=rounds[round_]["answers"],
        refused=f"{invalid} (book_id)",
        refused_date=f"{invalid} (target_close_date)",
        refused_unknown=f"{invalid} (slantweb_probe)",
    )

    assert rounds[round_][topic] == expected


@pytest.mark.parametrize("mismatch", SWITCHES["idem_mismatch"])
@pytest.mark.parametrize("store", SWITCHES["idem_store_4xx"])
def test_what_keys_do_is_told_apart_however_the_two_switches_meet(
    look: Look, sandbox: SandboxProcess, store: str, mismatch: str
) -> None:
    # An HTML page has no code to tell one refusal from another by.
    switches = {"idem_store_4xx": store, "idem_mismatch": mismatch, "error_shape": "html"}
    sandbox.control(switches=switches)

    found = look()

    assert found["idem_store_4xx"].seen == REPORTED["idem_store_4xx"][1][store].format(invalid="422")
    assert found["idem_mismatch"].seen == REPORTED["idem_mismatch"][1][mismatch]
    assert found["idem_replay"].seen.startswith("yes: the same record")
    assert [write["action"] for write in sandbox.writes()].count("create") == 1


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("none", "no"),
        ("retry_after", "yes: Retry-After"),
        (
            "x_ratelimit",
            "no Retry-After, but x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset",
        ),
    ],
)
def test_whether_a_429_says_how_long_is_told_when_one_is_met(
    look: Look, sandbox: SandboxProcess, mode: str, said: str
) -> None:
    waits: list[float | None] = []
    sandbox.control(switches={"rate_headers": mode}, limits={"token": 5})

    found = look(ProbeOptions(), on_busy=waits.append)

    assert found["retry_after"].seen == said
    assert len(sandbox.ledger(kind="request")) == 6, "after a 429 nothing more is asked"
    assert len(waits) == 1
    assert found["no_access"].seen.startswith("cannot be told")
    assert found["custom_field_keys"].seen == "no answer: not asked, Slant asked us to slow down"


def test_a_limit_below_slants_own_gives_a_budget(look: Look, sandbox: SandboxProcess) -> None:
    sandbox.control(switches={"rate_headers": "x_ratelimit"}, limits={"token": 500})

    assert look(ProbeOptions())["rate_headers"].settings == {"SLANT_HOURLY_BUDGET": "450"}


def test_an_unrestricted_pipeline_that_hides_among_the_others_is_not_guessed(
    look: Look, sandbox: SandboxProcess
) -> None:
    sandbox.control(switches={"unrestricted_pipeline_type": "prospect"})

    found = look(ProbeOptions())["unrestricted_pipeline_type"]

    assert not found.told
    assert found.seen.startswith("cannot be told: all 6 pipelines are named prospect or client")


def test_without_an_id_out_of_reach_its_refusal_cannot_be_told(look: Look) -> None:
    found = look(ProbeOptions())["no_access"]

    assert not found.told
    assert found.seen.startswith("cannot be told: it takes the id of a deal the token does not see")


def test_an_id_within_reach_tells_nothing(look: Look) -> None:
    assert look(ProbeOptions(out_of_reach="op_71qz5d"))["no_access"].seen == (
        "cannot be told: the given id is within reach"
    )
