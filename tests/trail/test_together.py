"""Many processes appending at once: one order, no gap, no fork."""

import os
import string
import subprocess
import sys

import pytest

from opportunities.models import AuditEvent
from opportunities.trail.verify.whole import verify
from tests.support.environment import ROOT, clean_environment

pytestmark = pytest.mark.slow

PROCESSES, EACH = 10, 12
# One start of Python, then ten processes that connect each for itself and begin together.
APPENDING = f"""
import os, sys, time
import django
django.setup()
from django.db import OperationalError, connection, transaction
from opportunities.trail import audit
from opportunities.clock import SystemClock
begin = time.time() + 0.5
children = []
for number in range({PROCESSES}):
    child = os.fork()
    if child == 0:
        time.sleep(max(0, begin - time.time()))
        me = audit.Actor.worker(f"w:{{number}}")
        for turn in range({EACH}):
            while True:
                try:
                    with transaction.atomic():
                        audit.record(clock=SystemClock(), by=me, action="sync.ran", object_id=str(turn))
                    break
                except OperationalError as busy:
                    # SQLite gives up after its busy timeout; nothing was written, so it is simply done again.
                    assert "locked" in str(busy), busy
        connection.close()
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_ten_processes_appending_at_once_leave_one_chain(committed_db: str) -> None:
    environment = clean_environment(
        DATABASE_URL=committed_db,
        DJANGO_SETTINGS_MODULE="slantweb.settings",
        SECRET_KEY="for-the-tests-" + string.ascii_letters,
        VAR_DIR=os.environ["VAR_DIR"],
    )
    done = subprocess.run(
        [sys.executable, "-c", APPENDING],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    report = verify()
    assert (report.problem, report.events) == (None, PROCESSES * EACH)
    written = dict.fromkeys(AuditEvent.objects.values_list("actor_display", flat=True), 0)
    for name, turn in AuditEvent.objects.order_by("seq").values_list("actor_display", "object_id"):
        assert turn == str(written[name]), "one process's own events are in its own order"
        written[name] += 1
    assert list(written.values()) == [EACH] * PROCESSES
