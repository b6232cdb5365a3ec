"""Three weeks of a firm that uses Slantweb: the quiet days. What goes wrong is in `troubles.py`.

A day is a function of the deployment. Each signs people in anew: no session lives from day to day.
"""

import re
from typing import Any

from tests.upgrade.making.deployment import Deployment
from tests.upgrade.making.visitor import Fields, Visitor

NEW = "/opportunities/new/"
REPORTS = ("overview", "forecast", "funnel", "ageing", "changes", "owners", "data-quality", "velocity")
PAGES = ("/board/", "/board/?view=list", "/submissions/", "/reports/", NEW)
THEO, MARA, PERNILLA = "u_9xw20c", "u_4hd81k", "u_p55tre"
OPEN = ("ident", "conn", "meet", "qual", "prog", "rev")


class People:
    """Everybody of the demo, signed in."""

    def __init__(self, deployment: Deployment) -> None:
        url = deployment.url
        self.sales, self.colleague, self.viewer = (
            Visitor(url, who) for who in ("sales", "colleague", "viewer")
        )
        self.manager, self.compliance = Visitor(url, "manager"), Visitor(url, "compliance")

    def all(self) -> tuple[Visitor, ...]:
        return self.sales, self.colleague, self.viewer, self.manager, self.compliance


def open_deals(deployment: Deployment, **wanted: str) -> list[dict[str, Any]]:
    """Deals that are still open, oldest first; of Mara's book, unless another is wanted."""
    return [deal for deal in deployment.deals(**{"book_id": "bk_pine01"} | wanted) if _is_open(deal)]


def _is_open(deal: dict[str, Any]) -> bool:
    return str(deal["pipeline_stage"]["id"]).rpartition("_")[2] in OPEN


def switching_on(d: Deployment) -> None:
    """The first day: people find their way in, or do not, and enter their first deals."""
    people = People(d)
    for visitor in people.all():
        for page in PAGES:
            visitor.get(page)
    first = _first_deals(people)
    _at_closed_doors(d, people, first)
    _corrected(d, people.sales)
    people.colleague.created(
        name="Stonebrook succession", value="2,400,000", book_id="bk_dune05", pipeline_id="pl_dune",
        pipeline_stage_id="st_du_qual", household_id="", assigned_to_id=PERNILLA,
    )  # fmt: skip
    _take_away(people)
    people.sales.fill("/board/", "/sign-out/")


def _first_deals(people: People) -> str:
    """Four deals; two look like another, so the duplicate question is asked, and answered both ways."""
    sales, given = people.sales, {"name": "Okonkwo rollover plan", "value": "640,000"}
    first = sales.created(**given, probability="55", target_close_date="2027-02-26")
    sales.created(name="Okonkwo trust review", value="1.2m", pipeline_stage_id="st_ident")
    slant_chooses = {"pipeline_id": "", "pipeline_stage_id": "", "pipeline_type": "prospect"}
    sales.created(name="Seminar guest", value="", household_id="", **slant_chooses)
    question = sales.create(**given)
    assert question.status_code == 422
    assert sales.again(question, NEW, confirm_duplicate="yes").status_code == 303
    question = sales.create(**given)
    assert "/submissions/" in sales.again(question, NEW, confirm_duplicate="same").headers["Location"]
    return first


def _corrected(d: Deployment, sales: Visitor) -> None:
    """Slant refuses a household that is gone there: once it is corrected and sent again, once it is left."""
    used = {deal["household_id"] for deal in d.deals()}
    mine = [
        household
        for household in d.listed("households")
        if household["book_id"] == "bk_pine01" and household["id"] not in used
    ]
    gone = next(household["id"] for household in mine if household["type"] == "Prospect")
    d.slant(records=[{"op": "delete", "id": gone}])
    refused = sales.create(name="Family picnic follow-up", value="310,000", household_id=gone)
    assert refused.status_code == 422
    assert sales.again(refused, NEW, household_id="hh_okonkwo").status_code == 303
    assert sales.create(name="Left as refused", value="15,000", household_id=gone).status_code == 422


def _at_closed_doors(d: Deployment, people: People, submission: str) -> None:
    """A page not of one's role, a deal out of reach, a forged form, no group, one sign-in too many."""
    assert people.sales.get("/settings/people/").status_code == 403
    assert people.compliance.get(NEW).status_code == 403
    assert people.colleague.get(submission).status_code == 404
    assert people.sales.post(f"{submission}withdraw/", {}).status_code == 403
    assert Visitor(d.url, "sam.stranger@northpine.example", "none").get("/board/").status_code == 403
    visitor = Visitor(d.url, "odalys.fernhollow@northpine.example", "sales")
    visitor.sign_in("odalys.fernhollow@northpine.example", "manager")
    # A button that is not there: counted as any sign-in is.
    while visitor.sign_in("nobody").status_code != 429:
        pass


def _take_away(people: People) -> None:
    """Deals, reports and the trail leave as files."""
    for visitor, query in (
        (people.sales, "?owner=me"),
        (people.manager, ""),
        (people.manager, "?stale=1&min=100k"),
    ):
        assert visitor.get(f"/opportunities.csv{query}").ok
    for slug in REPORTS:
        assert people.manager.get(f"/reports/{slug}/").ok
        assert people.manager.get(f"/reports/{slug}.csv").ok
    assert people.sales.get("/reports/forecast.xlsx").ok
    assert people.compliance.get("/audit/").ok
    for format in ("jsonl", "csv", "zip"):
        assert people.compliance.get(f"/audit/export/?format={format}").ok
    assert people.manager.get("/audit/export/?format=csv&what=people").ok


def type_and_leave(visitor: Visitor, deal: str) -> None:
    """What is typed and not sent becomes a draft, of a new deal as of a change."""
    _, fields = visitor.filled(visitor.get(NEW).text, NEW, name="Half a thought", value="75,000")
    assert visitor.post(f"{NEW}fields/", fields).ok
    page = f"/opportunities/{deal}/edit/"
    assert visitor.fill(page, name="Half a change", value="a lot").status_code == 422


def changing(d: Deployment) -> None:
    """A day of changes, here and in Slant, several passes of sync apart."""
    people = People(d)
    sales, manager = people.sales, people.manager
    growth = iter([deal["id"] for deal in open_deals(d, pipeline_id="pl_growth")])
    newbiz = [deal["id"] for deal in open_deals(d, pipeline_id="pl_newbiz")]
    edited, cleared, *bulk = newbiz
    sales.edited(
        edited, name="Renamed by Theo", value="1,250,000", probability="70", target_close_date="2027-03-31"
    )
    sales.edited(edited, assigned_to_id=MARA)
    sales.edited(cleared, value="", target_close_date="")
    _meanwhile_in_slant(d, sales, edited)
    sales.moved(next(growth), "st_gr_won", probability="100")
    sales.moved(next(growth), "st_gr_lost", lost_reason="Chose another firm")
    _undone(d, sales, *bulk[-2:])
    _many_at_once(d, sales, bulk)
    _own_things(sales)
    _settings(manager)
    _used_in_slant(d)
    people.viewer.get(f"/opportunities/{edited}/")
    manager.get(f"/opportunities/{edited}/")


def _meanwhile_in_slant(d: Deployment, sales: Visitor, deal: str) -> None:
    """Two edits that meet somebody else's: one is asked about here, the other is refused in Slant."""
    page = f"/opportunities/{deal}/edit/"
    opened = sales.get(page).text
    d.patch(deal, value=333_000)
    d.manage("sync")
    question = sales.post(*sales.filled(opened, page, value="350,000"))
    assert question.status_code == 422
    assert sales.again(question, page, confirm_overwrite="yes").status_code == 303
    opened = sales.get(page).text
    d.patch(deal, value=335_000)
    refused = sales.post(*sales.filled(opened, page, value="360,000"))
    assert refused.status_code == 422


def _undone(d: Deployment, sales: Visitor, sent: str, waiting: str) -> None:
    """A move taken back after Slant has it, and one taken back before."""
    for deal, up in ((sent, True), (waiting, False)):
        d.slant(up=up)
        page = f"/opportunities/{deal}/move/"
        moved = sales.fill(page, pipeline_stage_id="st_meet", next="/board/?view=board")
        number = moved.headers["Location"].rpartition("moved=")[2]
        undo = sales.filled(sales.get(page).text, page, undo=number)[1]
        assert sales.post(page, undo).status_code == 303
        d.slant(up=True)


def _many_at_once(d: Deployment, sales: Visitor, deals: list[str]) -> None:
    """Bulk changes: to a stage, to a lost stage with the reason, to an owner; some deals are left out."""
    listed = "/board/?view=list&pipeline=pl_newbiz"
    alder = open_deals(d, book_id="bk_alder2")
    other_pipeline = next(deal["id"] for deal in alder if deal["pipeline"]["id"] != "pl_newbiz")
    out_of_reach = open_deals(d, book_id="bk_dune05")[0]["id"]
    orders: list[tuple[list[str], Fields]] = [
        ([*deals[:6], other_pipeline, out_of_reach], {"pipeline_stage_id": "st_conn"}),
        (deals[6:8], {"pipeline_stage_id": "st_lost", "lost_reason": "No answer since spring"}),
        (deals[:3], {"assigned_to_id": MARA}),
    ]
    for ids, target in orders:
        asked = sales.post(*sales.filled(sales.get(listed).text, "/opportunities/bulk/", id=ids))
        assert asked.status_code == 200
        taken = sales.again(asked, "/opportunities/bulk/", id=ids, **target)
        assert taken.status_code == 303
        assert sales.get(taken.headers["Location"]).ok


def _own_things(sales: Visitor) -> None:
    """Saved views, a remembered board, a theme."""
    views = "/board/views/"
    for name, query in (
        ("My open deals", "owner=me&view=list"),
        ("Large ones", "min=500000&pipeline=all"),
        ("Not kept", "stale=1"),
    ):
        assert sales.fill(f"{views}?{query}", views, name=name, query=query).status_code == 303
    listed = re.findall(r'name="delete" value="([0-9a-f-]+)"', sales.get(views).text)
    assert sales.fill(views, views, delete=listed[-1]).status_code == 303
    sales.fill("/board/", "/board/", owner="me", stale="1")
    sales.fill("/board/", "/settings/mine/", theme="dark")


def _settings(manager: Visitor) -> None:
    """Targets, stages and people, each set, and each taken back once."""
    page = "/settings/targets/"
    names = [name for name in manager.filled(manager.get(page).text, page)[1] if name.startswith("target-")]
    theirs = [name for name in names if name.endswith((THEO, MARA))]
    assert manager.fill(page, **dict.fromkeys(theirs, "2,500,000")).status_code == 303
    assert manager.fill(page, **{theirs[0]: "", theirs[1]: "3m"}).status_code == 303
    page = "/settings/stages/"
    for stage, meaning, days in (
        ("st_gr_rev", "open", "14"),
        ("st_ev_arch", "lost", ""),
        ("st_al_shown", "won", "7"),
        ("st_al_shown", "", ""),
    ):
        assert manager.fill(page, stage=stage, meaning=meaning, stale_after_days=days).status_code == 303
    page = "/settings/people/"
    person = re.search(r'data-person="([0-9a-f-]+)"><th[^>]*>sam', manager.get(page).text)
    assert person
    for member in ("u_l0tt3v", ""):
        assert manager.fill(page, person=person[1], member_id=member).status_code == 303


def _used_in_slant(d: Deployment) -> None:
    """What others do in Slant between passes of sync: new versions, moves, names, a deal that is deleted."""
    deals = [deal for deal in d.deals() if _is_open(deal)][-12:]
    for number, deal in enumerate(deals[:9]):
        stages = [stage["id"] for stage in deal["pipeline"]["pipeline_stages"]]
        d.patch(deal["id"], value=100_000 + number * 7_000, probability=number * 10)
        if number % 3 == 0:
            d.patch(deal["id"], pipeline_stage_id=stages[-3 + number // 3])
            d.manage("sync")
    d.patch(deals[9]["id"], name="Renamed in Slant", custom_fields={"lead_source": "Seminar"})
    d.patch("bk_alder2", name="Theo's clients")
    d.slant(records=[{"op": "delete", "id": deals[-1]["id"]}])
    new = {"name": "Entered in Slant", "value": 90_000, "book_id": "bk_pine01", "pipeline_id": "pl_newbiz"}
    new |= {"pipeline_stage_id": "st_ident", "assigned_to_id": MARA}
    d.slant(records=[{"op": "create", "type": "opportunity", "set": new}])
    d.manage("sync", "--full")
