"""Three weeks of a firm that uses Slantweb: the days on which Slant or the machine did not behave."""

import signal
import time
from collections.abc import Callable

from tests.upgrade.making.deployment import READ_TOKEN, Deployment
from tests.upgrade.making.story import MARA, People, open_deals, type_and_leave
from tests.upgrade.making.visitor import Visitor

# The waits of production, and longer: what is in doubt when the last day ends stays so.
PATIENT = {
    "LOOK_AFTER_SECONDS": "60,120,300",
    "QUIET_SECONDS": "120",
    "SCAN_GAP_SECONDS": "60",
}
OKONKWO = {"book_id": "bk_pine01", "household_id": "hh_okonkwo", "pipeline_id": "pl_newbiz"}


def bad_day(d: Deployment) -> None:
    """Answers are lost, Slant is away, the token is refused, a worker dies; a manager decides the rest."""
    people = People(d)
    _answers_lost(d, people.sales)
    _slant_away(d, people.sales)
    _token_in_trouble(d, people.sales)
    _decided(d, people)
    _changes_in_doubt(d, people)
    _worker_killed(d, people.sales)
    people.manager.get("/submissions/review/")
    people.sales.get("/submissions/?state=open")


def _answers_lost(d: Deployment, sales: Visitor) -> None:
    """Found in Slant after all; proven absent and sent again; refused for the book alone."""
    faults = {
        "drop_after": {},
        "drop_before": {},
        "status_after": {"status": 502},
        "rate_limit": {"retry_after": 2},
    }
    for number, (kind, more) in enumerate(faults.items()):
        d.fault(kind, **more)
        sales.waits_for(sales.created(name=f"Lost answer {number}", value=f"{100 + number},000"), "confirmed")
    members = {book["id"]: {user["id"]: user["role"] for user in book["users"]} for book in d.listed("books")}
    theirs = members["bk_alder2"]
    d.patch("bk_alder2", members=theirs | {MARA: "viewer"})
    alder = {
        "book_id": "bk_alder2",
        "pipeline_id": "pl_alder",
        "pipeline_stage_id": "st_al_call",
        "household_id": "",
    }
    assert sales.create(name="Not in this book", value="50,000", **alder).status_code == 422
    d.patch("bk_alder2", members=theirs)
    sales.deal_of(sales.created(name="In this book", value="50,000", **alder))


def _slant_away(d: Deployment, sales: Visitor) -> None:
    """One waits until Slant is back, one is withdrawn meanwhile."""
    d.slant(up=False)
    waits = sales.created(name="Waits for Slant", value="20,000")
    withdrawn = sales.created(name="Taken back", value="21,000")
    assert sales.fill(withdrawn, f"{withdrawn}withdraw/").status_code == 303
    d.slant(up=True)
    sales.waits_for(waits, "confirmed", seconds=90)


def _token_in_trouble(d: Deployment, sales: Visitor) -> None:
    """The token is refused, then may only read; each holds the queue until a worker learns better."""
    d.slant(revoked=["write"])
    first = sales.created(name="Token refused", value="30,000")
    d.slant(revoked=[])
    d.restart_worker()
    sales.waits_for(first, "confirmed")
    d.restart_worker(SLANT_API_TOKEN=READ_TOKEN)
    time.sleep(2)
    second = sales.created(name="Token reads only", value="31,000")
    d.restart_worker()
    sales.waits_for(second, "confirmed")


def _decided(d: Deployment, people: People) -> None:
    """Reviews of creates: sent again, linked, closed; one looks like cents for dollars and stops all."""
    sales, manager = people.sales, people.manager
    d.fault("drop_before", times=3)
    in_vain = sales.created(name="Sent in vain", value="400,000", household_id="")
    sales.waits_for(in_vain, "review", seconds=90)
    decide(manager, in_vain, decision="resend", reason="It is not in Slant")
    sales.waits_for(in_vain, "confirmed")
    similar, record = similar_found(d, sales, "Much alike", 410_000, 415_000)
    decide(manager, similar, decision="link", opportunity_id=record, reason="Entered there by phone")
    similar, _ = similar_found(d, sales, "Alike, and not ours", 420_000, 425_000)
    decide(manager, similar, decision="close", reason="The client stepped back")
    cents, _ = similar_found(d, sales, "Dollars or cents", 4_300, 430_000)
    manager.fill("/settings/sending/", do="release:unit_alarm", reason="A typing error in Slant")
    decide(manager, cents, decision="close", reason="Corrected in Slant")
    d.slant(switches={"list_opportunities": "not_found"})
    d.fault("drop_before")
    alone = sales.created(name="No list to look in", value="44,000", household_id="")
    sales.waits_for(alone, "review")
    d.slant(switches={"list_opportunities": "on"})
    decide(manager, alone, decision="resend", reason="The list is back")
    sales.waits_for(alone, "confirmed")


def similar_found(d: Deployment, sales: Visitor, name: str, sent: int, there: int) -> tuple[str, str]:
    """A create that was lost while somebody entered nearly the same in Slant: submission and record."""
    d.fault("drop_before")
    path = sales.created(name=name, value=str(sent))
    fields = {"name": name, "value": there, "pipeline_stage_id": "st_qual", "assigned_to_id": "u_9xw20c"}
    d.slant(records=[{"op": "create", "type": "opportunity", "set": OKONKWO | fields}])
    sales.waits_for(path, "review", seconds=90)
    return path, next(deal["id"] for deal in d.deals() if deal["name"] == name)


def decide(manager: Visitor, path: str, **decision: str) -> None:
    answer = manager.fill(path, f"{path}decide/", **decision)
    assert answer.status_code == 303, answer.text


def _changes_in_doubt(d: Deployment, people: People) -> None:
    """Edits whose answer is lost: found, overtaken in Slant, and of a deal that is gone."""
    sales, manager = people.sales, people.manager
    deals = [deal["id"] for deal in open_deals(d, pipeline_id="pl_newbiz")]
    d.fault("drop_after", "PATCH", "*")
    sales.waits_for(sales.edited(deals[0], probability="35"), "confirmed")
    overtaken = overtaken_edit(d, sales, deals[1])
    decide(manager, overtaken, decision="resend", seen=deals[1], reason="Ours is the later word")
    sales.waits_for(overtaken, "confirmed", seconds=90)
    gone = in_doubt(d, sales, deals[2], lambda: d.slant(records=[{"op": "delete", "id": deals[2]}]))
    decide(manager, gone, decision="close", reason="The deal was deleted")


def overtaken_edit(d: Deployment, sales: Visitor, deal: str) -> str:
    return in_doubt(d, sales, deal, lambda: d.patch(deal, probability=77))


def in_doubt(d: Deployment, sales: Visitor, deal: str, meanwhile: Callable[[], object]) -> str:
    """An edit that was lost on its way, while somebody did something else to the deal in Slant."""
    d.fault("drop_before", "PATCH", "*")
    path = sales.edited(deal, probability="45")
    meanwhile()
    return sales.waits_for(path, "review", seconds=90)


def _worker_killed(d: Deployment, sales: Visitor) -> None:
    """A worker dies in the middle of an exchange; another finds what it left, once its lease is over."""
    path = killed_while_sending(d, sales, "Worker died")
    d.start_worker()
    sales.waits_for(path, "confirmed", seconds=120)


def killed_while_sending(d: Deployment, sales: Visitor, name: str) -> str:
    d.fault("hang")
    path = sales.created(name=name, value="61,000", household_id="")
    sales.waits_for(path, "sending")
    d.stop("worker", signal.SIGKILL)
    d.slant(reset="faults")
    return path


def stopped_for_days(d: Deployment) -> None:
    """A manager stops all sending; what is entered meanwhile waits, and waits too long."""
    people = People(d)
    people.manager.fill("/settings/sending/", do="hold", reason="Books are being closed")
    for name, more in (("Closes tomorrow", {"target_close_date": "2026-11-13"}), ("Waits two days", {})):
        people.sales.created(name=name, value="70,000", **more)
    people.compliance.get("/audit/?what=sending")


def going_on(d: Deployment) -> None:
    """Sending goes on, doubles are found, and operators do what they do now and then."""
    d.manage("release", "--reason", "Books are closed")
    people = People(d)
    sales = people.sales
    _still_wanted(sales)
    first = sales.deal_of(sales.created(name="Entered twice", value="81,000"))
    _again_in_slant(d, first)
    second = sales.deal_of(sales.created(name="Entered twice, for good", value="82,000"))
    d.slant(records=[{"op": "delete", "id": _again_in_slant(d, second)}])
    d.manage("reconcile")
    d.manage("probe_slant")
    d.manage("probe_slant", "--write", "--book", "bk_pine01")
    d.manage("hold", "--reason", "A drill")
    d.manage("release", "--reason", "The drill is over")
    d.manage("verify_audit")


def _still_wanted(sales: Visitor) -> None:
    """Of the two that waited, one is past its close date; of the other its owner says that it still goes."""
    sales.waits_for(sales.named("Closes tomorrow"), "rejected")
    waited = sales.named("Waits two days")
    deadline = time.monotonic() + 60
    while "still-send" not in (page := sales.get(waited).text):
        assert time.monotonic() < deadline, page
        time.sleep(0.5)
    sales.fill(waited, f"{waited}still-send/")
    sales.waits_for(waited, "confirmed")


def _again_in_slant(d: Deployment, deal: str) -> str:
    """Somebody enters an equal deal on Slant's own page, and it is found: a possible double."""
    fields = next(record for record in d.deals() if record["id"] == deal)
    copied = {name: fields[name] for name in ("name", "value", "book_id", "household_id", "probability")}
    flat = {"pipeline_id": fields["pipeline"]["id"], "pipeline_stage_id": fields["pipeline_stage"]["id"]}
    flat["assigned_to_id"] = fields["assigned_to"]["id"]
    d.slant(records=[{"op": "create", "type": "opportunity", "set": copied | flat}])
    d.manage("reconcile")
    return [record["id"] for record in d.deals() if record["name"] == fields["name"]][-1]


def moved_installation(d: Deployment) -> None:
    """The database was moved in the night: nothing is sent until somebody says that it is the one."""
    people = People(d)
    path = people.sales.created(name="Before the move was noticed", value="91,000")
    d.wait_until(lambda: "copied" in people.manager.get("/settings/sending/").text.lower())
    d.manage("recover", "--reason", "Moved to another disk")
    people.sales.waits_for(path, "confirmed", seconds=120)


def last_day(d: Deployment) -> None:
    """An ordinary day that ends in the middle of things: one submission is left in each state there is."""
    people = People(d)
    sales = people.sales
    deals = [deal["id"] for deal in open_deals(d, pipeline_id="pl_newbiz")]
    sales.deal_of(sales.created(name="The last that went well", value="95,000", probability="25"))
    sales.moved(deals[0], "st_won", probability="100")
    sales.waits_for(sales.edited(deals[1], name="Edited on the last day"), "confirmed")
    similar_found(d, sales, "Left for a manager", 510_000, 515_000)
    overtaken_edit(d, sales, deals[2])
    d.manage("sync")
    d.restart_worker(**PATIENT)
    d.fault("drop_after")
    sales.waits_for(sales.created(name="Not sure it arrived", value="96,000"), "unknown")
    killed_while_sending(d, sales, "Being sent")
    people.manager.fill("/settings/sending/", do="hold", reason="Until after the holiday")
    sales.created(name="Waits for the holiday", value="97,000", probability="60")
    sales.moved(deals[3], "st_meet")
    sales.edited(deals[4], value="98,000")
    type_and_leave(sales, deals[5])
    for visitor in people.all():
        for page in ("/board/", "/submissions/", "/reports/overview/"):
            visitor.get(page)
