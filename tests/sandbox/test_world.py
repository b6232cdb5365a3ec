"""Driving the rules in-process, as a simulation does: copies, resets, records, faults without a socket."""

import math

import pytest

from opportunities.sandbox import control
from opportunities.sandbox.control import NotUnderstood, fault_from_words
from opportunities.sandbox.faults import PLANS, Fault
from opportunities.sandbox.store import Store, scramble
from tests.sandbox.desk import DEAL, Desk


def test_the_same_history_gives_the_same_world(start: Store) -> None:
    def history() -> list[dict[str, object]]:
        desk = Desk(start.copy(), start)
        desk.create()
        desk.now += 5
        desk.ask("PATCH", "/opportunities/op_71qz5d", {"value": 1}, key="k")
        return desk.store.ledger.read()

    assert history() == history()


def test_a_copy_goes_its_own_way(desk: Desk) -> None:
    open_request = desk.begin("POST", "/opportunities", DEAL, key="k")
    twin = Desk(desk.store.copy(), desk.first)

    desk.create()
    desk.control(limits={"token": 5}, switches={"no_access": "403"})
    desk.rules.execute(open_request, desk.now)
    desk.rules.close(open_request, status=201, is_answered=True)

    assert len(twin.store.tables["opportunity"]) == 141
    assert twin.store.control.limits["token"] == 1000
    assert [entry["answered"] for entry in twin.store.ledger.read()] == [None]
    assert twin.ask("POST", "/opportunities", DEAL, key="k").status == 409


def test_ids_never_repeat() -> None:
    assert len({scramble(number) for number in range(100_000)}) == 100_000


def test_a_reset_forgets_everything_but_never_reuses_a_number_or_an_id(desk: Desk) -> None:
    first = desk.ask("POST", "/opportunities", DEAL, key="k").json()["id"]
    last = desk.store.ledger.last_seq
    desk.control(switches={"no_access": "403"}, limits={"token": 1}, revoked=["read"], list_lag_s=5)

    desk.control(reset="all")

    assert control.show(desk.store.control) == control.show(desk.first.control)
    assert desk.store.ledger.read() == []
    second = desk.ask("POST", "/opportunities", DEAL, key="k").json()["id"]
    assert second != first
    assert desk.store.ledger.read()[0]["seq"] == last + 1
    assert desk.get("/opportunities")["pagination"]["total_count"] == 141


def test_reset_faults_leaves_the_rest(desk: Desk) -> None:
    desk.control(faults=[{"kind": "hang"}], switches={"no_access": "403"})

    desk.control(reset="faults")

    assert desk.store.control.faults == ()
    assert desk.store.control.switches["no_access"] == "403"


WRONG = [
    {"speed": 1},
    {"switches": {"mood": "good"}},
    {"switches": {"no_access": "418"}},
    {"limits": {"planet": 1}},
    {"limits": {"token": -1}},
    {"clock": {"zone": "UTC"}},
    {"clock": {"offset_s": "soon"}},
    {"clock": {"offset_s": math.nan}},
    {"clock": {"offset_s": math.inf}},
    {"list_lag_s": math.nan},
    {"list_lag_s": math.inf},
    {"latency_ms": 10**400},
    {"up": 1},
    {"revoked": ["nobody"]},
    {"revoked": "write"},
    {"latency_ms": 1.5},
    {"list_lag_s": -1},
    {"faults": [{"kind": "earthquake"}]},
    {"faults": [{"kind": "hang", "colour": "red"}]},
    {"faults": {"kind": "hang"}},
    {"faults": [{"kind": []}]},
    {"faults": [{"kind": "delay", "delay_ms": 10**30}]},
    {"revoked": [[]]},
    {"revoked": [{}]},
    {"records": [{"op": "patch", "id": "op_71qz5d", "set": {"assigned_to_id": []}}]},
    {"records": [{"op": "patch", "id": "op_71qz5d", "set": {"household_id": {}}}]},
    {"records": [{"op": "patch", "id": "op_71qz5d", "set": {"custom_fields": 5}}]},
    {"records": [{"op": "patch", "id": "hh_okonkwo", "set": {"book_id": []}}]},
    {"records": [{"op": "patch", "id": "pl_newbiz", "set": {"pipeline_stages": 5}}]},
    {"records": [{"op": "patch", "id": "pl_newbiz", "set": {"pipeline_stages": ["st_won"]}}]},
    {"records": [{"op": "patch", "id": "op_nowhere", "set": {}}]},
    {"records": [{"op": "patch", "id": "op_71qz5d", "set": {"label": 1}}]},
    {"records": [{"op": "patch", "id": "op_71qz5d", "set": {"pipeline_stage_id": "st_gr_won"}}]},
    {"records": [{"op": "create", "set": {"name": "x"}}]},
    {"records": [{"op": "delete", "id": "bk_pine01"}]},
    {"records": [{"op": "paint", "id": "op_71qz5d"}]},
    {"reset": "some"},
    [],
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_what_is_not_understood_changes_nothing(desk: Desk, changes: object) -> None:
    before = desk.store.copy()
    mixed = {"latency_ms": 7, **changes} if isinstance(changes, dict) else changes

    with pytest.raises(NotUnderstood):
        control.apply(desk.store, desk.first, mixed, desk.now)

    assert desk.store.tables == before.tables
    assert desk.store.ledger.read() == []
    assert desk.store.control == before.control


def test_settings_are_merged_by_name(desk: Desk) -> None:
    desk.control(switches={"no_access": "403"}, limits={"ip": 5})
    desk.control(switches={"nested_pipeline": "slim"}, clock={"offset_s": 4800})

    shown = control.show(desk.store.control)
    assert (shown["switches"]["no_access"], shown["switches"]["nested_pipeline"]) == ("403", "slim")
    assert shown["limits"] == {"token": 1000, "company": 10_000, "ip": 5}
    assert shown["clock"] == {"offset_s": 4800}


def test_somebody_used_slants_own_page(desk: Desk) -> None:
    desk.control(
        records=[
            {"op": "patch", "id": "op_71qz5d", "set": {"pipeline_stage_id": "st_won"}},
            {"op": "create", "type": "opportunity", "id": "op_theirs", "set": {**DEAL, "name": "Theirs"}},
            {"op": "patch", "id": "hh_okonkwo", "set": {"name": "Okonkwo and Sons"}},
            {"op": "delete", "id": "op_theirs"},
        ]
    )

    moved = desk.get("/opportunities/op_71qz5d")
    assert (moved["pipeline_stage"]["id"], moved["stage_updated_at"]) == ("st_won", "2026-08-20T12:00:00Z")
    assert desk.get("/households/hh_okonkwo")["name"] == "Okonkwo and Sons"
    assert desk.ask("GET", "/opportunities/op_theirs").status == 404
    told = [(entry["action"], entry["type"], entry["id"], entry["request"]) for entry in desk.entries()]
    assert told == [
        ("update", "opportunity", "op_71qz5d", None),
        ("create", "opportunity", "op_theirs", None),
        ("update", "household", "hh_okonkwo", None),
        ("delete", "opportunity", "op_theirs", None),
    ]


def test_deals_of_a_removed_stage_go_to_the_first_one_and_each_is_a_change_of_its_own(desk: Desk) -> None:
    stages = desk.get("/pipelines/pl_newbiz")["pipeline_stages"]
    lost = [
        id for id, row in desk.store.tables["opportunity"].items() if row["pipeline_stage_id"] == "st_qual"
    ]
    assert "op_71qz5d" in lost

    left = [one for one in stages if one["id"] != "st_qual"]
    desk.control(records=[{"op": "patch", "id": "pl_newbiz", "set": {"pipeline_stages": left}}])

    moved = desk.get("/opportunities/op_71qz5d")
    assert moved["pipeline_stage"]["id"] == "st_ident"
    assert moved["updated_at"] == moved["stage_updated_at"] == "2026-08-20T12:00:00Z"
    assert [entry["id"] for entry in desk.entries()] == ["pl_newbiz", *lost]


def test_a_pipeline_and_a_book_are_deleted_once_nothing_names_them(desk: Desk) -> None:
    deals = [id for id, row in desk.store.tables["opportunity"].items() if row["pipeline_id"] == "pl_events"]
    with pytest.raises(NotUnderstood, match="other records name it"):
        desk.control(records=[{"op": "delete", "id": "pl_events"}])

    desk.control(records=[{"op": "delete", "id": id} for id in (*deals, "pl_events")])

    assert desk.ask("GET", "/pipelines/pl_events").status == 404
    assert "pl_events" not in [one["id"] for one in desk.get("/pipelines")["data"]]


def test_a_deal_goes_on_naming_a_household_that_was_deleted(desk: Desk) -> None:
    desk.control(
        records=[
            {"op": "delete", "id": "hh_okonkwo"},
            {"op": "patch", "id": "op_71qz5d", "set": {"value": 7}},
        ]
    )

    deal = desk.get("/opportunities/op_71qz5d")
    assert (deal["household_id"], deal["value"]) == ("hh_okonkwo", 7)


def test_a_stage_is_renamed_and_a_member_joins(desk: Desk) -> None:
    stages = desk.get("/pipelines/pl_newbiz")["pipeline_stages"]
    renamed = [{**stages[0], "name": "Spotted"}, *stages[1:]]
    members = {**desk.store.tables["book"]["bk_lone06"]["members"], "u_t4msin": "viewer"}

    desk.control(
        records=[
            {"op": "patch", "id": "pl_newbiz", "set": {"pipeline_stages": renamed}},
            {"op": "patch", "id": "bk_lone06", "set": {"members": members}},
        ]
    )

    assert desk.get("/pipelines/pl_newbiz")["pipeline_stages"][0]["name"] == "Spotted"
    assert [user["role"] for user in desk.get("/books/bk_lone06")["users"]] == ["principal", "viewer"]


def acting(desk: Desk, method: str = "POST", path: str = "/opportunities") -> str | None:
    fault = desk.rules.receive(desk.request(method, path), desk.now).fault
    return fault.id if fault else None


def test_the_first_matching_fault_acts_as_often_as_it_says(desk: Desk) -> None:
    desk.control(
        faults=[
            {"id": "a", "kind": "hang", "method": "POST", "path": "/v1/opportunities", "times": 1, "skip": 1},
            {"id": "b", "kind": "drop_after", "method": "POST", "path": "/v1/opp*"},
            {"kind": "html", "path": "/v1/me"},
        ]
    )

    assert [acting(desk) for _ in range(4)] == ["b", "a", "b", "b"]
    assert acting(desk, "PATCH", "/opportunities/x") is None
    assert acting(desk, "POST", "/opportunities/x") == "b"
    assert acting(desk, "GET", "/me") == "html"
    assert [fault.times for fault in desk.store.control.faults] == [0, None, None]
    assert desk.entries("request")[0]["fault"] == "b"


def test_faults_without_a_name_are_told_apart(desk: Desk) -> None:
    desk.control(faults=[{"kind": "hang"}, {"kind": "hang"}, {"kind": "hang"}])

    assert [fault.id for fault in desk.store.control.faults] == ["hang", "hang-2", "hang-3"]


def test_a_fault_is_read_from_words() -> None:
    assert fault_from_words("POST /v1/opportunities drop_after x1") == Fault(
        "drop_after", "drop_after", "POST", "/v1/opportunities", times=1
    )
    assert fault_from_words("* * rate_limit retry_after=30 skip=2") == Fault(
        "rate_limit", "rate_limit", skip=2, retry_after=30
    )


@pytest.mark.parametrize(
    "words", ["POST /v1/x", "POST /v1/x nonsense", "POST /v1/x hang twice", "* * hang x=1"]
)
def test_other_words_are_not_understood(words: str) -> None:
    with pytest.raises(NotUnderstood):
        fault_from_words(words)


def test_every_fault_of_the_interface_has_a_plan() -> None:
    assert set(PLANS) == {
        "delay",
        "drop_before",
        "drop_after",
        "status_before",
        "status_after",
        "rate_limit",
        "html",
        "truncate",
        "hang",
        "commit_late",
        "bad_body",
    }


def test_an_abandoned_request_frees_its_key(desk: Desk) -> None:
    exchange = desk.begin("POST", "/opportunities", DEAL, key="k")

    desk.rules.abandon(exchange)

    assert desk.ask("POST", "/opportunities", DEAL, key="k").status == 201


def test_the_ledger_filters_by_number_kind_method_and_path(desk: Desk) -> None:
    desk.get("/me")
    desk.create()
    desk.ask("PATCH", "/opportunities/op_71qz5d", {"value": 1})
    ledger = desk.store.ledger

    def seqs(**which: object) -> list[int]:
        return [entry["seq"] for entry in ledger.read(**which)]  # type: ignore[arg-type]

    assert seqs() == [1, 2, 3, 4, 5]
    assert seqs(after=3) == [4, 5]
    assert seqs(limit=2) == [1, 2]
    assert seqs(kind="request") == [1, 2, 4]
    assert seqs(kind="write", method="patch") == [5]
    assert seqs(path="/v1/opportunities") == [2, 3]
    assert seqs(path="/v1/opportunities*") == [2, 3, 4, 5]
    assert seqs(kind="write", path="/v1/me") == []
