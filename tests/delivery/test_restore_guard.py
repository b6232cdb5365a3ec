"""A database that was restored, copied or moved sends nothing until somebody runs `recover`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from opportunities.delivery import restore_guard
from opportunities.models import Alert, AuditEvent, Hold, Instance, State
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent, Share
from opportunities.trail import head_file
from tests.support.office import Office, fresh
from tests.support.slant_box import TurnedClock


@contextmanager
def forgotten() -> Iterator[None]:
    """Undo the database changes of the block, as restoring an earlier backup does. Files are not changed."""
    backup = transaction.savepoint()
    yield
    transaction.savepoint_rollback(backup)


def held() -> set[str]:
    return set(Hold.objects.values_list("pk", flat=True))


def use_up(clock: TurnedClock, most: int = 10_000) -> int:
    """Use up people's calls, at most `most`. Returns how many they got."""
    for made in range(most):
        try:
            budget.take(Share.PEOPLE, calls=1, clock=clock)
        except BudgetSpent:
            return made
    return most


# Several machines


def test_a_restored_backup_is_noticed_by_a_machine_that_sent_nothing_itself(
    office: Office, settings: Any, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for settings.VAR_DIR in (one, other):
        office.round()
    with forgotten():
        settings.VAR_DIR = one
        office.submit()
        office.round()
        settings.VAR_DIR = other
        office.round()
    assert len(office.box.created) == 1

    waiting = office.submit(name="In the backup")
    office.rounds(minutes=1)

    assert held() == {restore_guard.RESTORED}
    assert fresh(waiting).state == State.QUEUED
    assert len(office.box.sends) == 1


def test_a_thread_that_was_slow_does_not_put_the_file_back(office: Office) -> None:
    office.round()
    slow = head_file.expected_content(Instance.current())
    office.submit()
    office.round()
    there = head_file.read()

    head_file.write(slow)

    assert there is not None
    assert head_file.read() == there
    assert there["seq"] > slow["seq"]


def test_the_file_of_another_database_is_not_written_over(office: Office) -> None:
    office.round()
    mine = head_file.expected_content(Instance.current())
    head_file.write(mine | {"instance": "another"}, force=True)

    head_file.write(mine)

    assert head_file.read() == mine | {"instance": "another"}


def test_a_round_in_which_nothing_happens_writes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.rounds(minutes=2)
    monkeypatch.setattr(head_file, "write", lambda content: pytest.fail(f"wrote {content}"))

    office.clock.turn(1)
    office.round()


# Copied and moved


def test_a_copy_of_the_database_and_of_the_file_beside_it_sends_nothing_until_recovered(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.round()
    submission = office.submit()
    monkeypatch.setattr(head_file, "place", lambda: "another machine:/tmp/copy/slantweb.sqlite3")

    office.rounds(minutes=1)
    assert held() == {restore_guard.COPIED}
    assert "recover" in Hold.objects.get().reason
    assert office.box.sends == []
    restore_guard.recover(by=office.by, clock=office.clock, reason="moved to another machine")
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert held() == set()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="where a file lies")
def test_a_file_lies_elsewhere_on_another_machine_or_path_and_not_behind_another_link(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MACHINE_NAME = "one"
    (tmp_path / "releases").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "releases")
    where = {}
    for name in ("releases", "current", "copy"):
        monkeypatch.setitem(connection.settings_dict, "NAME", tmp_path / name / "slantweb.sqlite3")
        where[name] = head_file.place()
    settings.MACHINE_NAME = "two"

    assert where["releases"] == f"one:{os.path.realpath(tmp_path)}/releases/slantweb.sqlite3"
    assert where["current"] == where["releases"]
    assert len({where["releases"], where["copy"], head_file.place()}) == 3


def test_a_file_of_an_older_version_is_ours_and_is_brought_up_to_date(office: Office) -> None:
    office.round()
    now = head_file.read()
    assert now is not None
    head_file.write({name: now[name] for name in ("instance", "seq", "hash")}, force=True)

    office.clock.turn(1)
    office.round()

    assert held() == set()
    assert head_file.read() == head_file.expected_content(Instance.current())


# Another Slant, another user's token


def whoever(office: Office, user_id: str) -> None:
    """Make our token belong to that user."""
    Instance.objects.filter(pk=1).update(me_checked_at=None)  # as a worker that starts does
    office.slant = office.box.client("slnt_pat_sandbox_theirs")
    mine = office.box.store.tokens["slnt_pat_sandbox_write"]
    office.box.store.tokens["slnt_pat_sandbox_theirs"] = replace(
        mine, name="theirs", value="slnt_pat_sandbox_theirs", user_id=user_id
    )


def test_another_users_token_sends_nothing_reads_nothing_and_asks_whose_it_is_once_a_minute(
    office: Office,
) -> None:
    office.rounds(minutes=1)
    whoever(office, "u_9xw20c")
    submission = office.submit()
    before = len(office.box.requests)

    office.rounds(minutes=10, every=5)

    asked = {request["path"] for request in office.box.requests[before:]}
    assert held() == {restore_guard.OTHER_OWNER}
    assert asked == {"/v1/me"}
    assert len(office.box.requests) - before <= 11
    assert fresh(submission).state == State.QUEUED


def test_what_another_user_does_not_see_proves_nothing_and_the_old_token_goes_on_by_itself(
    office: Office,
) -> None:
    office.rounds(minutes=1)
    submission = office.submit()
    office.box.mischief.append("drop_after")
    office.round()
    ours = office.slant
    whoever(office, "u_9xw20c")
    office.rounds(minutes=10)
    assert fresh(submission).state == State.UNKNOWN

    office.slant = ours
    office.rounds(minutes=2)

    assert held() == set()
    assert not Alert.objects.filter(closed_at=None).exists()
    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_the_token_of_a_new_owner_is_taken_up_by_recover_and_the_trail_says_so(office: Office) -> None:
    office.rounds(minutes=1)
    before = Instance.current().slant_user_id
    whoever(office, "u_9xw20c")
    submission = office.submit()
    office.rounds(minutes=2)

    restore_guard.recover(by=office.by, clock=office.clock, reason="the token is Theo's now")
    assert fresh(submission).state == State.UNKNOWN, "it is looked for with the new owner's eyes first"
    office.rounds(minutes=6)

    assert held() == set()
    assert not Alert.objects.filter(closed_at=None).exists()
    assert Instance.current().slant_user_id == "u_9xw20c"
    assert fresh(submission).state == State.CONFIRMED
    recovered = AuditEvent.objects.get(action="database.recovered")
    assert (recovered.before, recovered.after["token_owner"]) == ({"token_owner": before}, "")
    assert AuditEvent.objects.get(action="connection.adopted").object_id == "u_9xw20c"


def test_recovering_for_another_reason_does_not_let_another_users_token_in(office: Office) -> None:
    office.rounds(minutes=1)
    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")
    whoever(office, "u_9xw20c")

    office.rounds(minutes=1)

    assert held() == {restore_guard.OTHER_OWNER}


def test_a_slant_that_is_pointed_back_ends_the_hold_by_itself(office: Office, settings: Any) -> None:
    office.rounds(minutes=1)
    ours, settings.SLANT_BASE_URL = settings.SLANT_BASE_URL, "https://slant.example/v1"
    submission = office.submit()
    office.rounds(minutes=1)
    assert held() == {restore_guard.OTHER_SLANT}

    settings.SLANT_BASE_URL = ours
    office.rounds(minutes=2)

    assert held() == set()
    assert fresh(submission).state == State.CONFIRMED


# The hour's calls


def test_calls_made_since_the_backup_count_in_the_hour_after_it_is_restored(office: Office) -> None:
    office.round()
    with forgotten():
        office.clock.turn(minutes=2)
        forgotten_calls = use_up(office.clock, 700)
        office.submit()
        office.round()

    office.clock.turn(minutes=1)
    office.round()
    assert held() == {restore_guard.RESTORED}
    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")

    assert forgotten_calls == 700
    assert 0 < use_up(office.clock) + forgotten_calls <= 900


def test_they_count_too_when_recover_is_the_first_to_look(office: Office) -> None:
    office.round()
    with forgotten():
        use_up(office.clock, 700)
        office.submit()
        office.round()

    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")

    assert use_up(office.clock) <= 200


def test_calls_of_more_than_an_hour_ago_do_not_count(office: Office) -> None:
    office.round()
    with forgotten():
        use_up(office.clock, 700)
        office.submit()
        office.round()

    office.clock.turn(minutes=63)
    office.round()

    assert use_up(office.clock) > 800


def test_where_nobody_can_say_how_many_calls_were_made_the_hour_counts_as_spent(office: Office) -> None:
    """The machine is lost with its file, and the database is a backup, or may be."""
    office.submit()
    office.round()
    head_file.path().unlink()

    office.clock.turn(minutes=6)
    office.round()
    restore_guard.recover(by=office.by, clock=office.clock, reason="on a new machine")
    assert budget.calls_left(office.clock) == 0
    office.clock.turn(minutes=62)

    assert budget.calls_left(office.clock) > 800


def test_one_more_machine_beside_others_at_work_costs_no_calls(office: Office) -> None:
    office.submit()
    office.rounds(minutes=2)
    head_file.path().unlink()

    office.round("on a new machine")

    assert held() == {restore_guard.COPIED}
    assert budget.calls_left(office.clock) > 800
