"""From the release before to this one and back, as "Upgrading" says, with a used database under entry.

When the change comes dozens of deals wait, some are being sent, a reading of everything is half done, and
people are signed in. The release before is installed by its own page.
"""

import json
import subprocess
import time

from tests.deploy.drill import CONTROL, PYTHON, RELEASE, Drill, sandbox_command
from tests.deploy.machine import Machine
from tests.deploy.page import blocks
from tests.support.environment import ROOT

# Stands for the release before, until there is a tag: the first commit whose web has a door that stays open.
FIRST = "1059bfca7f4e673bc80e22db5baf36668326feeb"
DEALS = 2_000
# What Slant takes for one deal while many wait, and for one page of its list.
SEND_MS, PAGE_MS = 7_000, 1_500
DOZENS = 24
WALK = (
    "SELECT count(*) FROM opportunities_syncstate WHERE resource = 'opportunities' AND walk->>'walk' <> '{}'"
)
WAITING = "SELECT count(*) FROM opportunities_submission WHERE state IN ('queued', 'sending')"
STATES = "SELECT state, count(*) FROM opportunities_submission GROUP BY state"
MIGRATIONS = "SELECT count(*) FROM django_migrations WHERE app = 'opportunities'"


def previous_release() -> str:
    """The newest tag before this commit, or the commit that stands for it."""
    found = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "HEAD^"], cwd=ROOT, capture_output=True, text=True
    )
    return found.stdout.strip() or FIRST


def page_of(release: str) -> str:
    return subprocess.run(
        ["git", "show", f"{release}:docs/operations.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def run(machine: Machine) -> bool:
    previous = previous_release()
    print(f"from {previous} to {RELEASE}", flush=True)
    drill = Drill(machine, RELEASE=previous, NEXT=RELEASE)
    drill.prepare(slant=False)
    machine.start(*sandbox_command("--opportunities", str(DEALS)), log="sandbox", **PYTHON)
    begun = [block for block in blocks("From nothing to serving", page_of(previous)) if block.way == "a"]
    passed = all(drill.run_block(block) for block in begun) and change(drill)
    if not passed:
        drill.show_logs()
    return passed


def change(drill: Drill) -> bool:
    """ "Upgrading", whose last block goes back, and forth once more."""
    fetch, tables, there, back = blocks("Upgrading")
    root = drill.machine.root
    entering = drill.start_check("entered", SETTLED_WITHIN="600")
    if not drill.run_block(fetch):
        return False
    before = ask(drill, MIGRATIONS)
    passed = drill.run_block(tables)
    say(f"migrations: {before} before, {ask(drill, MIGRATIONS)} after")
    leave_a_reading_half_done(drill)
    let_many_wait(drill)
    waited = int(ask(drill, WAITING))
    say(f"{waited} deals wait or are being sent, readings under way: {ask(drill, WALK)}")
    passed = passed and waited >= DOZENS and ask(drill, WALK) == "1"
    for name, block in (("there", there), ("back", back), ("there again", there)):
        passed = passed and drill.run_block(block)
        time.sleep(15)
        say(f"{name}: {ask(drill, STATES)!r}")
    control(drill, reset="faults")
    (root / "run" / "entered-enough").touch()
    arrived = entering.wait(900) == 0
    return passed and arrived and is_whole(drill)


def leave_a_reading_half_done(drill: Drill) -> None:
    """A reading of everything is killed when some of its pages are in."""
    control(drill, latency_ms=PAGE_MS)
    deadline, reading = time.monotonic() + 120, None
    while ask(drill, WALK) == "0":
        assert time.monotonic() < deadline, "no reading was under way"
        # It ends at once while the worker reads what changed.
        if reading is None or reading.poll() is not None:
            reading = drill.machine.start(
                "/opt/slantweb/deploy/manage", "worker", "sync", "--full", log="slantweb-sync"
            )
        time.sleep(0.3)
    drill.machine.run("bash", "-c", "kill -9 $(pgrep --full 'manage.py sync --full')")


def let_many_wait(drill: Drill) -> None:
    """Slant takes long for each deal while many are entered."""
    control(drill, latency_ms=0, faults=[fault("POST", "/v1/opportunities", SEND_MS)])
    (drill.machine.root / "run" / "enter-many").touch()
    deadline = time.monotonic() + 60
    while int(ask(drill, WAITING)) < DOZENS:
        assert time.monotonic() < deadline, "fewer than two dozen wait"
        time.sleep(0.2)


def is_whole(drill: Drill) -> bool:
    """The trail verifies, and what the mirror shows is what Slant has."""
    commands = (["verify_audit"], ["sync", "--full"], ["reconcile"])
    codes = [
        drill.machine.run("/opt/slantweb/deploy/manage", "worker", *words).returncode for words in commands
    ]
    here = ask(drill, "SELECT count(*) FROM opportunities_opportunity WHERE gone_at IS NULL")
    say(f"verify_audit, sync --full and reconcile exit {codes}; {here} deals are in the mirror")
    return codes == [0, 0, 0]


def fault(method: str, path: str, delay_ms: int) -> dict[str, object]:
    return {"method": method, "path": path, "kind": "delay", "times": None, "delay_ms": delay_ms}


def control(drill: Drill, **changes: object) -> None:
    address = f"http://127.0.0.1:{CONTROL}/_control"
    done = drill.machine.run(
        "curl", "-sfS", "-H", "Content-Type: application/json", "-d", json.dumps(changes), address
    )
    assert done.returncode == 0, done.stdout


def ask(drill: Drill, statement: str) -> str:
    """What the application's database answers."""
    psql = ["runuser", "-u", "postgres", "--", "psql", "-Atq", "-d", "slantweb", "-c", statement]
    done = drill.machine.run(*psql)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)
