"""`python -m tests.upgrade.making CHECKOUT`: use the version of CHECKOUT on both databases, and freeze both.

Needs Linux, root (each process gets a machine name of its own), a C compiler, and PostgreSQL's server and
`pg_dump`. Takes a quarter of an hour. What was there in `tests/upgrade/used` is replaced.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import psycopg

from tests.support.provision import postgresql
from tests.upgrade.making import freezing, story, troubles
from tests.upgrade.making.deployment import Deployment
from tests.upgrade.making.wall_clock import WallClock

DAYS: tuple[tuple[str, Callable[[Deployment], None]], ...] = (
    ("2026-11-02 14:00", story.switching_on),
    ("2026-11-04 14:00", story.changing),
    ("2026-11-09 14:00", troubles.bad_day),
    ("2026-11-12 20:00", troubles.stopped_for_days),
    ("2026-11-14 15:00", troubles.going_on),
    ("2026-11-18 14:00", troubles.moved_installation),
    ("2026-11-20 19:00", troubles.last_day),
)
MOVED_BEFORE = troubles.moved_installation


def use(deployment: Deployment, move: Callable[[], str]) -> None:
    for moment, live in DAYS:
        print(f"{moment} {live.__name__}", flush=True)
        if live is MOVED_BEFORE:
            deployment.database_url = move()
        with deployment.day(moment):
            live(deployment)
            if live is troubles.going_on:
                freezing.take_away(deployment)
        print(deployment.manage("verify_audit"))


def on_sqlite(checkout: Path, home: Path, clock: WallClock) -> None:
    first, second = home / "first.sqlite3", home / "second.sqlite3"

    def move() -> str:
        first.rename(second)
        return f"sqlite:///{second}"

    deployment = Deployment(checkout, home, f"sqlite:///{first}", clock)
    use(deployment, move)
    freezing.freeze(deployment, "sqlite", freezing.sqlite_file(second))


def on_postgresql(checkout: Path, home: Path, clock: WallClock) -> None:
    # The server takes the environment of this process: the application asks the database what time it is.
    with (
        patch.dict(os.environ, clock.variables),
        postgresql() as server,
        psycopg.connect(server, autocommit=True) as owner,
    ):
        base = server.rpartition("/")[0]
        owner.execute("CREATE DATABASE first")

        def move() -> str:
            owner.execute("ALTER DATABASE first RENAME TO second")
            return f"{base}/second"

        deployment = Deployment(checkout, home, f"{base}/first", clock)
        use(deployment, move)
        freezing.freeze(deployment, "postgresql", freezing.postgresql_dump(f"{base}/second"))


def main(checkout: Path) -> None:
    for make in (on_sqlite, on_postgresql):
        with tempfile.TemporaryDirectory(prefix="slantweb-used-") as folder:
            # PostgreSQL runs as another account, and has to find the library.
            Path(folder).chmod(0o755)
            home = Path(folder) / "var"
            home.mkdir()
            make(checkout, home, WallClock(Path(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
