"""Books, people, stages and households that are as they were last time cost no writing."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from opportunities.models import Household, Member, Stage
from tests.support.slant_box import SlantBox, TurnedClock

TABLES = ("book", "member", "pipeline", "stage", "household")


def written(queries: CaptureQueriesContext) -> set[str]:
    """The tables of lists that statements wrote to."""
    writes = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    return {table for table in TABLES if any(f'"opportunities_{table}"' in sql for sql in writes)}


@pytest.fixture
def synced(sync: Callable[[], bool]) -> Callable[[], bool]:
    assert sync()
    return sync


def test_lists_that_are_as_they_were_are_not_written_again(synced: Callable[[], bool]) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert synced()
    assert written(queries) == set()


def test_one_changed_record_writes_its_list(
    synced: Callable[[], bool], box: SlantBox, clock: TurnedClock
) -> None:
    box.edit("hh_okonkwo", name="Okonkwo-Adeyemi")
    clock.turn(60)
    with CaptureQueriesContext(connection) as queries:
        assert synced()
    assert written(queries) == {"household"}
    assert Household.objects.get(pk="hh_okonkwo").name == "Okonkwo-Adeyemi"


def test_a_change_that_is_taken_back_is_followed_both_ways(
    synced: Callable[[], bool], box: SlantBox, clock: TurnedClock
) -> None:
    before = Household.objects.get(pk="hh_okonkwo").name
    for name in ("Okonkwo-Adeyemi", before):
        box.edit("hh_okonkwo", name=name)
        clock.turn(60)
        assert synced()
        assert Household.objects.get(pk="hh_okonkwo").name == name


@pytest.mark.parametrize("turned", [timedelta(hours=1, minutes=1), timedelta(hours=-3)])
def test_an_hour_later_or_with_the_clock_set_back_they_are_written_anew(
    synced: Callable[[], bool], clock: TurnedClock, turned: timedelta
) -> None:
    Member.objects.all().delete()
    Stage.objects.update(name="damaged")
    clock.jump(turned.total_seconds())
    assert synced()
    assert Member.objects.exists()
    assert not Stage.objects.filter(name="damaged").exists()


def test_a_list_that_cannot_be_read_whole_is_written_each_time(
    synced: Callable[[], bool], box: SlantBox, clock: TurnedClock
) -> None:
    box.edit("hh_okonkwo", type=7)
    for _ in range(2):
        clock.turn(60)
        with CaptureQueriesContext(connection) as queries:
            assert synced()
        assert "household" in written(queries)
