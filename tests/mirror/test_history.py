"""What the mirror keeps beside the deals: their versions, the totals of each place, the meaning of each
stage.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random

from django.db.models import Q

from opportunities import mirror
from opportunities.mirror import totals
from opportunities.models import (
    Meaning,
    MirrorRevision,
    Opportunity,
    OpportunityVersion,
    StageMeaning,
    StageTotal,
)
from tests.mirror.conftest import kept
from tests.support.slant_box import SlantBox, TurnedClock


def test_a_first_sync_begins_the_history_of_every_deal_and_counts_it(sync: Callable[[], bool]) -> None:
    sync()

    deals = Opportunity.objects.count()
    assert OpportunityVersion.objects.filter(valid_to=None).count() == deals > 100
    assert kept() == totals.count_totals()
    meant = dict(StageMeaning.objects.values_list("stage_id", "meaning"))
    assert [meant[id] for id in ("st_qual", "st_won", "st_lost", "st_arch")] == [
        Meaning.OPEN,
        Meaning.WON,
        Meaning.LOST,
        Meaning.ARCHIVED,
    ]


def test_a_change_seen_is_a_version_a_new_sum_and_a_new_number(
    sync: Callable[[], bool], box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    before, began = MirrorRevision.objects.get().number, clock.now()
    box.edit("op_71qz5d", pipeline_stage_id="st_won", value=700_000)
    clock.turn(minutes=10)

    sync()

    old, new = OpportunityVersion.objects.filter(opportunity_id="op_71qz5d")
    assert (old.stage_id, old.value, old.valid_from, old.valid_to) == ("st_qual", 640_000, began, clock.now())
    assert (new.stage_id, new.value, new.valid_from, new.valid_to) == ("st_won", 700_000, clock.now(), None)
    assert kept() == totals.count_totals()
    assert MirrorRevision.objects.get().number == before + 1
    touched = StageTotal.objects.filter(revision=before + 1)
    assert set(touched.values_list("stage_id", flat=True)) == {"st_qual", "st_won"}


def test_what_did_not_change_leaves_no_trace(sync: Callable[[], bool], clock: TurnedClock) -> None:
    sync()
    before = MirrorRevision.objects.get().number
    clock.turn(minutes=10)

    sync()

    assert MirrorRevision.objects.get().number == before
    assert not OpportunityVersion.objects.exclude(valid_to=None).exists()


def test_a_gone_deal_leaves_the_totals_and_ends_in_a_version_that_says_so(
    sync: Callable[[], bool], clock: TurnedClock
) -> None:
    sync()
    clock.turn(minutes=10)

    mirror.mark_gone(["op_71qz5d"], now=clock.now())

    last = OpportunityVersion.objects.filter(opportunity_id="op_71qz5d").last()
    assert last is not None
    assert (last.gone, last.valid_from, last.valid_to) == (True, clock.now(), None)
    assert kept() == totals.count_totals()


def test_a_new_default_probability_weighs_the_deals_without_their_own_anew(
    sync: Callable[[], bool], box: SlantBox, clock: TurnedClock
) -> None:
    sync()
    pipeline = box.store.tables["pipeline"]["pl_newbiz"]
    stages = [{**stage, "default_probability": 33} for stage in pipeline["pipeline_stages"]]
    box.store.put("pipeline", {**pipeline, "pipeline_stages": stages})
    clock.turn(minutes=10)

    sync()

    assert kept() == totals.count_totals()


def test_versions_tell_the_board_of_any_past_day(
    sync: Callable[[], bool], box: SlantBox, clock: TurnedClock
) -> None:
    """Each evening's board, counted then, is what the versions say of that evening later."""
    rng = Random(7)
    boards: dict[datetime, Counter[tuple[str, str]]] = {}
    for day in range(6):
        sync()
        if day == 3:
            box.store.remove("opportunity", "op_71qz5d")
        boards[clock.now()] = Counter(
            Opportunity.objects.filter(gone_at=None).values_list("stage_id", "assigned_to_id")
        )
        clock.turn(minutes=60)
        for id in rng.sample([id for id in box.store.tables["opportunity"] if id != "op_salt99"], 6):
            row = box.store.tables["opportunity"][id]
            stages = box.store.tables["pipeline"][row["pipeline_id"]]["pipeline_stages"]
            box.edit(id, pipeline_stage_id=rng.choice(stages)["id"])
        clock.turn(minutes=23 * 60)

    assert not Opportunity.objects.filter(pk="op_71qz5d", gone_at=None).exists()
    for moment, board in boards.items():
        then = OpportunityVersion.objects.filter(
            Q(valid_to=None) | Q(valid_to__gt=moment), valid_from__lte=moment, gone=False
        )
        assert Counter(then.values_list("stage_id", "assigned_to_id")) == board
