"""`make deploy-test`: what docs/operations.md says, done on a fresh machine. `ARGS` names some of the drills.

* `page`: "From nothing to serving", "Upgrading" and "Backup and restore", block by block
* `upgrade`: from the release before to this one and back, with a full queue and a half-done reading
* `machines`: web, database, workers and Slant on machines of their own, of which five are in trouble
* `load`: 300 open boards and 20 pages a second for ten minutes; only by its name
"""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.deploy import load, machines, upgrade
from tests.deploy.drill import Drill
from tests.deploy.machine import Machine
from tests.deploy.page import Block, blocks
from tests.sign_on.installation import install_provider
from tests.support import provision

PACKAGES = {"nginx": "nginx-light", "adduser": "adduser", "curl": "curl", "ip": "iproute2", "git": "git"}


def main(names: list[str]) -> int:
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not list(Path("/etc/postgresql").glob("*/main")):
        missing.append("postgresql")
    if missing:
        provision._apt_install(*missing)
    install_provider()
    return max([run_drill(name) for name in names or DEFAULT])


def run_drill(name: str) -> int:
    print(f"\n=== {name}", flush=True)
    began = time.monotonic()
    with Machine() as machine:
        passed = DRILLS[name](machine)
    print(f"\n{name}: {'passed' if passed else 'FAILED'}, {time.monotonic() - began:.0f} s", flush=True)
    return 0 if passed else 1


def run_page(machine: Machine) -> bool:
    drill = Drill(machine)
    drill.prepare()
    passed = _run_page(drill)
    if not passed:
        drill.show_logs()
    return passed


def _run_page(drill: Drill) -> bool:
    """The page from its beginning, then its days after, under continuous entry where that is promised."""
    if not drill.run_blocks("From nothing to serving") or not drill.check("served"):
        return False
    entering = drill.start_check("entered")
    upgraded = drill.run_blocks("Upgrading") and reload_web(drill)
    (drill.machine.root / "run" / "entered-enough").touch()
    if entering.wait(300) or not upgraded:
        return False
    backup, *restore = blocks("Backup and restore")
    if not drill.run_block(backup) or not drill.check("after-the-backup"):
        return False
    return all(drill.run_block(block) for block in restore) and drill.check("restored")


def reload_web(drill: Drill) -> bool:
    """What "Upgrading" says of a reload, under the same entry."""
    return drill.run_block(Block("u", "systemd", "systemctl reload slantweb-web\nsleep 5\n"))


DRILLS: dict[str, Callable[[Machine], bool]] = {
    "page": run_page,
    "upgrade": upgrade.run,
    "machines": machines.run,
    "load": load.run,
}
# The load needs a quiet machine.
DEFAULT = ["page", "upgrade", "machines"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
