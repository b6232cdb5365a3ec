"""A database of an earlier version opens, verifies, migrates and works (used/README.md)."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

from opportunities.models import (
    Alert,
    Attempt,
    AuditEvent,
    ChainHead,
    Hold,
    Opportunity,
    Person,
    State,
    Submission,
)
from tests.upgrade.conftest import Used, lies_elsewhere, unpacked

REPORTS = ("overview", "forecast", "funnel", "ageing", "changes", "owners", "data-quality", "velocity")
WORK = (
    "/board/?pipeline=all",
    "/board/?view=list&pipeline=all&status=all",
    "/submissions/",
    *(f"/reports/{slug}/" for slug in REPORTS),
)
OVERSIGHT = ("/audit/?print=1", "/submissions/review/", "/settings/sending/", "/settings/targets/")
SETTINGS = ("/settings/stages/", "/settings/people/")
PAGES = {
    "theo.okafor@northpine.example": (*WORK, "/opportunities/new/"),
    "lotte.varnishaw@northpine.example": WORK,
    "manager@demo.example": (*WORK, *OVERSIGHT, *SETTINGS),
    "compliance@demo.example": (*WORK, "/audit/?print=1"),
}
# A whole deployment at work. What guards stored values (test_stored_values.py) runs daily.
pytestmark = pytest.mark.slow

OPEN = {State.QUEUED, State.SENDING, State.UNKNOWN, State.REVIEW}


def signed_in(address: str) -> Client:
    client = Client()
    client.force_login(Person.objects.get(email=address))
    return client


def verified() -> str:
    """What `verify_audit` prints; anything but exit 0 fails."""
    said = io.StringIO()
    call_command("verify_audit", stdout=said)
    return said.getvalue()


def checked(verifier: Path, bundle: Path, *options: str) -> str:
    """What a stand-alone verifier says of an export; anything but exit 0 fails."""
    command = [sys.executable, str(verifier), str(bundle), *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bundle_of_then(used: Used, folder: Path) -> Path:
    """The export made then, unpacked."""
    folder.mkdir()
    for path in (used.folder / "bundle").iterdir():
        (folder / path.stem).write_bytes(unpacked(path))
    return folder


# The trail


def test_the_whole_trail_is_as_it_was_written(used: Used) -> None:
    events, submissions = AuditEvent.objects.count(), Submission.objects.count()
    checkpoints = sorted(int(path.stem) for path in (used.var / "checkpoints").iterdir())

    said = verified()

    assert said.startswith(
        f"Good: {events:,} events, {len(checkpoints)} checkpoints (the newest at {checkpoints[-1]:,}), "
        f"{submissions:,} submissions as their events say"
    )


def test_an_export_of_then_satisfies_the_verifier_of_today(used: Used, tmp_path: Path) -> None:
    then, today = bundle_of_then(used, tmp_path / "then"), tmp_path / "today"
    call_command("export_audit", str(today), stdout=io.StringIO())

    said = checked(today / "verifier.py", then, "--key", used.public_key, "--whole")

    assert "Its manifest is signed" in said


def test_an_export_of_today_satisfies_the_verifier_of_then(used: Used, tmp_path: Path) -> None:
    then, today = bundle_of_then(used, tmp_path / "then"), tmp_path / "today"
    call_command("export_audit", str(today), stdout=io.StringIO())

    keys, checkpoints = used.var / "audit-signing-key.pub", used.folder / "checkpoints"
    checked(then / "verifier.py", today, "--key", str(keys), "--checkpoints", str(checkpoints), "--whole")


# The pages


@pytest.mark.parametrize("address", PAGES)
def test_pages_render(used: Used, address: str) -> None:
    client = signed_in(address)

    statuses = {page: client.get(page).status_code for page in PAGES[address]}

    assert statuses == dict.fromkeys(PAGES[address], 200)


def test_a_submission_in_each_state_renders_for_its_owner_and_for_a_manager(used: Used) -> None:
    one_of_each = {(row.kind, row.state, row.reason_code): row for row in Submission.objects.all()}
    assert {state for _, state, _ in one_of_each} == set(State.values)
    manager = signed_in("manager@demo.example")
    owners = {row.person.email: signed_in(row.person.email) for row in one_of_each.values()}

    for row in one_of_each.values():
        for client in (owners[row.person.email], manager):
            page = client.get(f"/submissions/{row.pk}/")
            assert f'data-state="{row.state}"' in page.content.decode(), row


def test_deals_render_with_their_history(used: Used) -> None:
    manager = signed_in("manager@demo.example")
    changed = Submission.objects.exclude(kind="create").values_list("opportunity_id", flat=True)
    deals = Opportunity.objects.filter(pk__in=changed, gone_at=None)

    for deal in deals:
        assert deal.name in manager.get(f"/opportunities/{deal.pk}/").content.decode()
    assert len(deals) > 5


# What people took away


def test_files_keep_their_columns(used: Used, monkeypatch: pytest.MonkeyPatch) -> None:
    # In the quarter of then: what a report has nothing to say about has no columns.
    monkeypatch.setattr("django.utils.timezone.now", used.clock.now)
    manager = signed_in("manager@demo.example")

    for table in ("opportunities", *(f"reports/{slug}" for slug in REPORTS)):
        then = rows(unpacked(used.folder / "tables" / f"{Path(table).name}.csv.xz"))
        today = rows(b"".join(manager.get(f"/{table}.csv")))
        # Then, lines stood above the columns, and nameless ones behind. Names of days differ by the day.
        columns = [name for name in then[then.index([]) + 1] if name and not any(map(str.isdigit, name))]
        if table == "reports/funnel":
            # Its one move back was taken back within a day, which is no move now: the column is empty.
            columns.remove("Moved back")
        assert any(columns == [name for name in row if name in columns] for row in today), columns


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(content.decode("utf-8-sig").splitlines()))


def test_the_table_of_the_trail_keeps_its_columns(used: Used, tmp_path: Path) -> None:
    call_command("export_audit", str(tmp_path / "today"), stdout=io.StringIO())

    then = unpacked(used.folder / "bundle" / "events.csv.xz").decode().splitlines()[0].split(",")
    today = rows((tmp_path / "today" / "events.csv").read_bytes())[0]
    assert [name for name in today if name in then] == then


# At work


def test_the_next_round_holds_nothing_and_settles_what_is_due(used: Used) -> None:
    holds, alerts = (
        set(Hold.objects.values_list("pk")),
        set(Alert.objects.filter(closed_at=None).values_list("cause")),
    )
    waiting = set(Submission.objects.filter(state=State.QUEUED).values_list("pk"))
    in_review = set(Submission.objects.filter(state=State.REVIEW).values_list("pk"))
    sent = Attempt.objects.count()

    used.rounds(minutes=6)

    # Sending is still stopped by a manager. Unknown outcomes are found, or proven absent and wait too.
    assert set(Hold.objects.values_list("pk")) == holds
    assert set(Alert.objects.filter(closed_at=None).values_list("cause")) == alerts
    assert Submission.objects.get(name="Not sure it arrived").state == State.CONFIRMED
    lost = Submission.objects.get(name="Being sent")
    assert (lost.state, lost.reason_code) == (State.QUEUED, "absent")
    assert set(Submission.objects.filter(state=State.QUEUED).values_list("pk")) == waiting | {(lost.pk,)}
    assert set(Submission.objects.filter(state=State.REVIEW).values_list("pk")) == in_review
    assert Attempt.objects.count() == sent


def test_once_released_everything_arrives_once(used: Used) -> None:
    creates = {"Not sure it arrived", "Being sent", "Waits for the holiday"}
    used.rounds(minutes=6)

    call_command("release", reason="The holiday is over", stdout=io.StringIO())
    used.rounds(minutes=8)

    rest = Submission.objects.filter(state__in=OPEN)
    assert set(rest.values_list("state", flat=True)) == {State.REVIEW}
    in_slant = [
        row["name"] for row in used.box.store.tables["opportunity"].values() if row["name"] in creates
    ]
    assert sorted(in_slant) == sorted(creates)
    assert verified().startswith("Good: ")
    assert ChainHead.objects.get().seq == AuditEvent.objects.count()


def test_a_year_later_its_owner_is_asked_first(used: Used) -> None:
    alerts = set(Alert.objects.filter(closed_at=None).values_list("cause"))
    used.clock.turn(minutes=366 * 24 * 60)

    call_command("release", reason="Found again", stdout=io.StringIO())
    used.rounds(minutes=8)

    assert set(Alert.objects.filter(closed_at=None).values_list("cause")) == alerts
    waiting = Submission.objects.filter(state=State.QUEUED)
    assert set(waiting.values_list("reason_code", flat=True)) == {"still_send"}
    assert "Waits for the holiday" in waiting.values_list("name", flat=True)


def test_a_copy_of_it_sends_nothing_until_it_is_recovered(used: Used) -> None:
    lies_elsewhere(used)
    used.round()
    assert set(Hold.objects.values_list("pk", flat=True)) == {"stopped", "copied"}

    call_command("recover", reason="An upgrade drill", stdout=io.StringIO())
    used.rounds(minutes=6)

    assert set(Hold.objects.values_list("pk", flat=True)) == {"stopped"}
    assert verified().startswith("Good: ")


def test_the_next_checkpoint_is_of_a_key_of_today_and_the_old_ones_still_count(used: Used) -> None:
    before = sorted((used.var / "checkpoints").iterdir())
    used.clock.turn(minutes=61)

    used.round()

    new = [path for path in sorted((used.var / "checkpoints").iterdir()) if path not in before]
    assert len(new) == 1
    keys = (used.var / "audit-signing-key.pub").read_text().split()
    assert keys[0] == used.public_key
    assert len(keys) == 2
    assert f"{len(before) + 1} checkpoints" in verified()
