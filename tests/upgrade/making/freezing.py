"""What is kept of a used deployment: its database, and what lies beside it and belongs to it."""

import json
import lzma
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tests.upgrade.making.deployment import Deployment
from tests.upgrade.making.story import REPORTS
from tests.upgrade.making.visitor import Visitor

USED = Path(__file__).resolve().parent.parent / "used"


def take_away(deployment: Deployment) -> None:
    """A whole export of the trail as the worker signs it, and each table people export, for its columns."""
    deployment.manage("export_audit", str(deployment.home / "bundle"))
    manager = Visitor(deployment.url, "manager")
    tables = deployment.home / "tables"
    tables.mkdir()
    (tables / "opportunities.csv").write_bytes(manager.get("/opportunities.csv").content)
    for slug in REPORTS:
        (tables / f"{slug}.csv").write_bytes(manager.get(f"/reports/{slug}.csv").content)


def sqlite_file(path: Path) -> tuple[str, bytes]:
    """The database in one file, without the room that deleted rows left."""
    whole = path.with_name("whole.sqlite3")
    with closing(sqlite3.connect(path)) as used:
        used.execute("DELETE FROM django_session")
        used.commit()
        used.execute("VACUUM INTO ?", (str(whole),))
    return "database.sqlite3", whole.read_bytes()


def postgresql_dump(url: str) -> tuple[str, bytes]:
    """Plain SQL that any client can run, for whoever owns the new database."""
    options = ["--no-owner", "--no-privileges", "--no-comments", "--inserts", "--rows-per-insert=100"]
    options += ["--exclude-table-data=django_session"]
    done = subprocess.run(["pg_dump", *options, url], check=True, capture_output=True, text=True)
    # Lines for psql alone, with a word of its own in each dump.
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return "database.sql", "\n".join(lines).encode()


def freeze(deployment: Deployment, name: str, database: tuple[str, bytes]) -> None:
    home, folder = deployment.home, USED / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _compressed(folder / f"{database[0]}.xz", database[1])
    _compressed(folder / "sandbox.jsonl.xz", (home / "sandbox.jsonl").read_bytes())
    for path in sorted((home / "bundle").iterdir()) + sorted((home / "tables").iterdir()):
        _compressed(folder / path.parent.name / f"{path.name}.xz", path.read_bytes())
    shutil.copytree(home / "checkpoints", folder / "checkpoints")
    shutil.copy(home / "audit-signing-key.pub", folder)
    head = json.loads((home / "trail-head.json").read_text())
    # Where the database lay: it is restored anywhere.
    del head["place"]
    (folder / "trail-head.json").write_text(json.dumps(head, indent=1) + "\n")


def _compressed(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))
