"""A Slant that answers nothing, late or garbage costs one finding, never the rest and never a trace."""

from typing import Any

import pytest

from opportunities.probe import CannotAsk, ProbeOptions, Prober, run_probe
from opportunities.slant.client import SlantClient
from opportunities.slant.transport import Raw
from tests.probe.conftest import BOOK, WRITE, Look
from tests.sandbox_process import SandboxProcess

OF_PATH = {
    "/v1/books": "viewer_books",
    "/v1/pipelines": "stage_order",
    "/v1/opportunities": "list_opportunities",
    "/v1/households": "household_types",
    "/v1/custom_fields": "custom_field_keys",
}


@pytest.mark.parametrize(
    ("path", "kind"),
    list(zip(OF_PATH, ["drop_before", "html", "truncate", "bad_body", "status_before"], strict=True)),
)
def test_one_missing_answer_costs_its_own_finding_alone(
    look: Look, sandbox: SandboxProcess, path: str, kind: str
) -> None:
    sandbox.control(faults=[{"method": "GET", "path": path, "kind": kind, "times": 1}])

    found = look(ProbeOptions(book_id=BOOK, out_of_reach="op_salt99"))

    assert found[OF_PATH[path]].seen.startswith("no answer: ")
    assert not found[OF_PATH[path]].told
    assert found["no_access"].told
    assert found["me_can_write"].told


def test_a_slow_answer_is_no_answer(look: Look, sandbox: SandboxProcess) -> None:
    sandbox.control(faults=[{"method": "GET", "path": "/v1/households", "kind": "hang", "times": 1}])

    assert look(ProbeOptions(), total_timeout=0.4)["household_types"].seen == "no answer: deadline passed"


@pytest.mark.parametrize("kind", ["drop_after", "bad_body", "status_after"])
def test_changes_without_an_answer_leave_the_rest_alone(
    look: Look, sandbox: SandboxProcess, kind: str
) -> None:
    sandbox.control(faults=[{"method": "PATCH", "path": "*", "kind": kind, "times": 1}])

    found = look()

    assert found["unknown_field"].seen.startswith("no answer: ")
    assert found["null_in_patch"].seen == "it clears"
    assert found["test_deal"].seen.startswith("made, and moved")


@pytest.mark.parametrize("kind", ["drop_before", "bad_body", "status_before"])
def test_a_lost_me_does_not_stop_the_rest(look: Look, sandbox: SandboxProcess, kind: str) -> None:
    sandbox.control(faults=[{"method": "GET", "path": "/v1/me", "kind": kind, "times": 1}])

    found = look(ProbeOptions())

    assert found["me_can_write"].seen.startswith("no answer: ")
    assert found["list_opportunities"].seen == "yes: 140 deals"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"up": False}, "Slant cannot be asked: not reached (NewConnectionError)."),
        ({"revoked": ["write"]}, "Slant cannot be asked: 401, Slant does not accept the token."),
        ({"limits": {"token": 0}}, "Slant cannot be asked: 429, Slant asks us to slow down."),
        ({"faults": [{"path": "*", "kind": "drop_before"}]}, "Slant cannot be asked: RemoteDisconnected."),
        ({"faults": [{"path": "*", "kind": "html"}]}, "Slant answered nothing that can be used."),
    ],
)
def test_a_slant_that_cannot_be_asked_at_all_is_one_error(
    look: Look, sandbox: SandboxProcess, changes: dict[str, Any], why: str
) -> None:
    sandbox.control(**changes)

    with pytest.raises(CannotAsk) as caught:
        look()

    assert str(caught.value) == why


NONSENSE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"data"',
    b"\xff\xfe",
    b'{"data": null}',
    b'{"data": [null]}',
    b'{"data": {}}',
    b'{"data": [{}], "pagination": 7}',
    b'{"data": [{"id": 7, "book_id": [], "pipeline_type": {}, "users": [1], "role": []}],'
    b' "pagination": {"total_pages": -1}}',
    b'{"id": "x", "api_access": 7, "data": ['
    b'{"id": "", "type": {}, "pipeline": 3, "pipeline_stages": [4], "custom_fields": 5}]}',
    b'{"id": "x", "value": "NaN", "data": ['
    b'{"id": ".", "book_id": "bk_pine01", "pipeline_stages": [{"id": "..", "visible": 0}]}]}',
    b'{"id": "bk_pine01", "api_access": {"scope": "<b>write</b>"}, "data": ['
    b'{"id": "bk_pine01", "role": "viewer", "book_id": null,'
    b' "created_at": "yesterday", "pipeline_stages": ['
    b'{"id": "s", "visible": false, "name": 3}, {"id": "t"}]}],'
    b' "pagination": {"per_page": "x", "total_pages": 3, "total_count": true}}',
    b'{"error": {"code": {}, "details": [[[]]]}}',
    b"[" * 5000,
]


class _Nonsense:
    """Answers everything with the same thing."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._raw = Raw(status, headers, body, False)

    def exchange(self, *args: Any, **more: Any) -> Raw:
        return self._raw


@pytest.mark.parametrize("status", [200, 201, 302, 403, 404, 409, 422, 500])
@pytest.mark.parametrize("body", NONSENSE, ids=lambda body: body[:40].decode("latin-1"))
def test_nonsense_everywhere_is_a_finding_or_one_error(status: int, body: bytes) -> None:
    headers = {"date": "the day after", "x-ratelimit-limit": "²", "retry-after": "soon"}
    client = SlantClient("http://127.0.0.1:9/v1", "slnt_pat_secret")
    client._transport = _Nonsense(status, body, headers)  # type: ignore[assignment]

    try:
        report = run_probe(Prober(client, sleep=lambda seconds: None), WRITE)
    except CannotAsk:
        return

    assert all(finding.seen and finding.follows for finding in report.findings)
