"""What the demo needs before its processes serve: migrations, static files, and the answer of /readyz."""

import hashlib
import http.client
import json
import os
from datetime import datetime

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from opportunities.models import Heartbeat


def migrate() -> None:
    """Apply migrations. Where there are none, skip the command, which takes a second to find that out."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    connection.close()


def collect_static() -> None:
    """Collect the static files if one of them changed since the last time."""
    stamp = settings.VAR_DIR / "static.stamp"
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            status = os.stat(storage.path(path))
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest.hexdigest())


def heartbeats() -> set[tuple[str, datetime]]:
    """Each worker and when it last began a round; the first round after a start changes the result."""
    try:
        return set(Heartbeat.objects.values_list("worker", "at"))
    finally:
        connection.close()


def ask_readiness() -> tuple[int, str]:
    """The status of /readyz and the names of its failing checks; status 0 while nothing answers."""
    web = http.client.HTTPConnection("127.0.0.1", settings.PORT, timeout=5)
    try:
        web.request("GET", "/readyz")
        answer = web.getresponse()
        checks = json.loads(answer.read()).get("checks", {})
        return answer.status, ", ".join(name for name, check in checks.items() if check.get("ok") is False)
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return 0, ""
    finally:
        web.close()
