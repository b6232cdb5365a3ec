"""What an open board is told of others' changes, and saved views."""

from datetime import UTC, datetime, timedelta

import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from opportunities import mirror
from opportunities.clock import SystemClock
from opportunities.mirror import meanings, totals
from opportunities.models import (
    Meaning,
    Opportunity,
    Person,
    Pipeline,
    SavedView,
    Stage,
    Submission,
)
from opportunities.slant import types
from opportunities.trail.audit import Actor
from tests.pages.conftest import Page
from tests.support.firm import LoadedFirm

from .conftest import Browse

FIRST, SECOND = "pl_growth_1", "pl_growth_2"


def record(row: Opportunity, **changed: object) -> types.OpportunityRecord:
    """A record of the deal, as Slant would show it after a change."""
    fields = {
        "id": row.pk,
        "name": row.name,
        "book_id": row.book_id,
        "pipeline": {"id": row.pipeline_id},
        "pipeline_stage": {"id": row.stage_id},
        "assigned_to": {"id": row.assigned_to_id, "first_name": row.assigned_to_name},
        "value": row.value,
        "updated_at": datetime.now(UTC) + timedelta(seconds=5),
        "created_at": row.created_at,
        "household_id": row.household_id,
    }
    return types.OpportunityRecord.model_validate(fields | changed)


def since_of(client: object, query: str) -> str:
    return str(client.get(f"/board/?{query}").context["board"].since)  # type: ignore[attr-defined]


def changed(client: object, query: str, since: str) -> tuple[list[str], str]:
    """The changed columns, and the token of the next poll."""
    answer = client.get(f"/board/changes/?{query}&since={since}")  # type: ignore[attr-defined]
    if answer.status_code == 204:
        return [], since
    root = Page(answer).first("div")
    return root["data-changed"].split(), root["data-since"]


def test_nothing_new_costs_one_statement_and_keeps_no_session(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    client, query = browse(owner), "pipeline=pl_growth&owner=me"
    since = since_of(client, query)
    client.get(f"/board/changes/?{query}&since={since}")
    session = dict(client.session)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"/board/changes/?{query}&since={since}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert len([query for query in queries if "stagetotal" in query["sql"]]) == 1
    # The session and its person besides.
    assert len(queries) == 3
    assert dict(client.session) == session
    assert client.get(f"/board/changes/?{query}&since={since}&fresh=1").status_code == 200


def test_exactly_the_changed_columns_are_named_once(
    loaded: LoadedFirm, owner: Person, outsider: Person, browse: Browse
) -> None:
    client, stranger, query = browse(owner), browse(outsider), "pipeline=pl_growth"
    since, theirs = since_of(client, query), since_of(stranger, query)
    row = Opportunity.objects.filter(stage_id=FIRST, book_id="bk_harbor").first()
    assert row

    mirror.write([record(row, pipeline_stage={"id": SECOND})], now=datetime.now(UTC))

    columns, since = changed(client, query, since)
    assert columns == [FIRST, SECOND]
    assert changed(client, query, since) == ([], since)
    assert changed(stranger, query, theirs) == ([], theirs)
    assert changed(client, "pipeline=pl_care", since) == ([], since)

    # Words on a card alone change its column too.
    mirror.write(
        [
            record(
                row,
                pipeline_stage={"id": SECOND},
                name="Renamed",
                updated_at=datetime.now(UTC) + timedelta(minutes=1),
            )
        ],
        now=datetime.now(UTC),
    )
    assert changed(client, query, since)[0] == [SECOND]
    assert changed(client, query, "not.a.token")[0]
    assert client.get("/board/changes/").status_code in (200, 204)


def test_the_poll_of_a_column_whose_stage_is_no_more_is_told_so(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    """The page draws its columns again then: tests/browser/test_columns.py."""
    client, lane = browse(owner), f"/board/pl_growth/{FIRST}/?owner=me&shown=30"
    asked = {"headers": {"HX-Request": "true"}}
    assert client.get(lane, **asked).status_code == 200

    Stage.objects.filter(pk=FIRST).update(gone_at=datetime.now(UTC))

    answer = client.get(lane, **asked)
    assert answer.status_code == 404
    assert 'class="lane"' not in answer.text
    assert client.get(f"/board/pl_growth/{SECOND}/?owner=me&shown=30", **asked).status_code == 200


def change_pipeline(id: str) -> None:
    with transaction.atomic():
        totals.pipelines_changed(totals.lock(), {id})


def columns_told(client: object, query: str, since: str) -> tuple[str, str]:
    """What is told of the columns themselves, and the token of having seen it."""
    answer = client.get(f"/board/changes/?{query}&since={since}")  # type: ignore[attr-defined]
    if answer.status_code == 204:
        return "", since
    root = Page(answer).first("div")
    return root.get("data-columns", ""), root["data-since"]


def test_an_open_board_is_told_once_that_its_stages_changed(
    loaded: LoadedFirm, owner: Person, manager: Person, browse: Browse
) -> None:
    client, query = browse(owner), "pipeline=pl_growth"
    since = since_of(client, query)
    assert columns_told(client, query, since) == ("", since)

    change_pipeline("pl_growth")

    told, since = columns_told(client, query, since)
    assert told == "changed"
    assert columns_told(client, query, since) == ("", since)
    assert since_of(client, query) == since
    # What a stage means is drawn too, and asked about by the menu.
    meanings.decide(
        stage=Stage.objects.get(pk=FIRST),
        meaning=Meaning.LOST,
        stale_after_days=None,
        by=Actor.of(manager),
        clock=SystemClock(),
    )
    assert columns_told(client, query, since)[0] == "changed"


def test_nothing_a_board_is_told_moves_with_the_books_of_others(
    loaded: LoadedFirm, owner: Person, outsider: Person, browse: Browse
) -> None:
    """The counters are the firm's; a board's token moves with the deals and pipelines its person sees."""
    client, stranger, query = browse(owner), browse(outsider), "pipeline=pl_growth"
    since, theirs = since_of(client, query), since_of(stranger, query)
    row = Opportunity.objects.filter(stage_id=FIRST, book_id="bk_harbor").first()
    assert row
    Pipeline.objects.create(id="pl_theirs", name="Theirs", book_id="bk_summit")

    mirror.write([record(row, pipeline_stage={"id": SECOND})], now=datetime.now(UTC))
    change_pipeline("pl_theirs")

    assert since_of(stranger, query).partition(".")[0] == theirs.partition(".")[0]
    assert since_of(client, query).rpartition(".")[2] == since.rpartition(".")[2]
    assert since_of(client, query).partition(".")[0] != since.partition(".")[0]
    assert since_of(stranger, query).rpartition(".")[2] != theirs.rpartition(".")[2]
    # No number can be read out of it, and nobody can use another's.
    assert not [part for part in since.split(".") if part.isdigit()]
    assert changed(stranger, query, since_of(client, query))[0]


def test_the_token_of_a_page_drawn_before_there_were_such_revisions_asks_for_its_columns(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    client, query = browse(owner), "pipeline=pl_growth"
    since = since_of(client, query).rpartition(".")[0]

    assert columns_told(client, query, since)[0] == "changed"


def test_an_open_board_is_told_that_its_pipeline_is_no_more(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    client, query = browse(owner), "pipeline=pl_growth"
    since = since_of(client, query)

    Pipeline.objects.filter(pk="pl_growth").update(gone_at=datetime.now(UTC))
    change_pipeline("pl_growth")

    assert columns_told(client, query, since)[0] == "gone"


def test_what_a_colleague_sends_shows_before_slant_has_it(
    loaded: LoadedFirm, owner: Person, colleague: Person, outsider: Person, browse: Browse
) -> None:
    client, stranger, query = browse(colleague), browse(outsider), "pipeline=pl_growth"
    since, theirs = since_of(client, query), since_of(stranger, query)
    row = Opportunity.objects.filter(stage_id=FIRST, book_id="bk_harbor").first()
    assert row
    sent = Submission.objects.create(
        kind="move", state="queued", person=owner, by_display="Olivia Owner", opportunity_id=row.pk,
        body=f'{{"pipeline_stage_id":"{SECOND}"}}', seen={"pipeline_stage_id": FIRST}, book_id="bk_harbor",
        name=row.name, reference="SW-1", form_token="t", created_at=datetime.now(UTC),
    )  # fmt: skip

    columns, since = changed(client, query, since)
    assert columns == [FIRST, SECOND]
    # The card tells the page which columns to ask for once it is on its way no more.
    assert (
        f'data-stage="{SECOND}" data-name="{row.name}" data-from="{FIRST}"'
        in client.get(f"/board/?{query}").text
    )
    assert since_of(client, query) == since
    assert changed(client, query, since) == ([], since)
    assert changed(stranger, query, theirs) == ([], theirs)

    # What takes long is no longer said to be moving, although nothing of it changed.
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=13)):
        columns, since = changed(client, query, since)
        assert columns == [FIRST, SECOND]
        page = client.get(f"/board/?{query}")
        assert "Waiting for Slant" in page.text
        assert page.context["board"].since == since
        assert changed(client, query, since) == ([], since)

    Submission.objects.filter(pk=sent.pk).update(state="unknown")
    columns, since = changed(client, query, since)
    assert columns == [FIRST, SECOND]

    # Gone from what is on its way: the columns it stood in are known to the page that shows it there.
    Submission.objects.filter(pk=sent.pk).update(state="rejected", settled_at=datetime.now(UTC))
    assert changed(client, query, since)[1] != since


def test_views_are_saved_shared_by_link_and_deleted(
    loaded: LoadedFirm, owner: Person, colleague: Person, browse: Browse
) -> None:
    client, query = browse(owner), "pipeline=pl_growth&owner=us_dana&min=5000"

    answer = client.post("/board/views/", {"name": "Dana's big ones", "query": f"{query}&nonsense=1"})
    assert (answer.status_code, answer["Location"]) == (303, f"/board/?{query}")
    client.post("/board/views/", {"name": "Dana's big ones", "query": query + "0"})

    view = SavedView.objects.get()
    assert (view.person, view.query) == (owner, query + "0")
    page = Page(client.get(f"/board/views/?{query}", headers={"HX-Request": "true"}))
    assert f"/board/?{query}0" in page.links()
    assert "<html" not in page.text
    assert page.value("query") == query
    assert "Dana&#x27;s big ones" not in browse(colleague).get("/board/views/").text
    assert browse(colleague).get(f"/board/?{view.query}").status_code == 200

    browse(colleague).post("/board/views/", {"delete": str(view.pk), "query": ""})
    assert SavedView.objects.exists()
    answer = client.post("/board/views/", {"delete": str(view.pk), "query": query})
    assert (answer["Location"], SavedView.objects.exists()) == (f"/board/?{query}", False)


def test_a_view_needs_a_name_and_there_is_an_end_to_them(
    owner: Person, loaded: LoadedFirm, browse: Browse
) -> None:
    client = browse(owner)
    for name, words in (("", "Give the view a name"), ("x" * 81, "Shorten the name")):
        answer = client.post("/board/views/", {"name": name, "query": "owner=me"})
        assert answer.status_code == 422
        assert words in Page(answer).said("view-error")
    SavedView.objects.bulk_create(SavedView(person=owner, name=f"View {n}", query="") for n in range(50))

    assert "You have 50 views" in client.post("/board/views/", {"name": "One more", "query": ""}).text
    assert client.post("/board/views/", {"name": "View 7", "query": "owner=me"}).status_code == 303


def test_filters_are_offered_with_what_is_set(loaded: LoadedFirm, owner: Person, browse: Browse) -> None:
    address = "/board/filters/?owner=us_dana&close=overdue&stale=1&min=1k&household=hh_okonkwo"
    page, part = (
        Page(browse(owner).get(address, headers=headers)) for headers in ({}, {"HX-Request": "true"})
    )

    for answer in (page, part):
        assert [answer.value(name) for name in ("owner", "close", "household", "min")] == [
            "us_dana", "overdue", "hh_okonkwo", "1k",
        ]  # fmt: skip
        assert "Summit" not in answer.text
    assert ("<html" in page.text, "<html" in part.text) == (True, False)
