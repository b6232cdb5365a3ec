"""Whether the `make` that started the demo was interrupted."""

import os
import signal
from pathlib import Path


def make_parent() -> int | None:
    """The process id of the `make` that runs us, if one does (and /proc can tell)."""
    parent = os.getppid()
    return parent if _process_status(parent).get("Name") in ("make", "gmake") else None


def was_interrupted(make: int) -> bool:
    """Whether that `make` is gone, or got a SIGINT that was sent to it alone.

    `make` passes SIGTERM on to its recipe but not SIGINT, which a terminal sends to all: it restores the
    default handler and waits for the recipe. Linux shows that handler in /proc; elsewhere only Ctrl-C works.
    A `make` started in the background ignores SIGINT from the start, so its handler shows nothing.
    """
    if os.getppid() != make:
        return True
    status, interrupt = _process_status(make), 1 << (signal.SIGINT - 1)
    caught, ignored = (int(status.get(name, "0"), 16) for name in ("SigCgt", "SigIgn"))
    return not (caught | ignored) & interrupt


def _process_status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
