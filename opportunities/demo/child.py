"""One process of the demo: its command, its log and its end."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

LOG_LIMIT = 5_000_000  # bytes


class Child:
    """One process of the demo. Its output goes to a file; its own session keeps terminal signals away."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as out:
            self._log_start = out.tell()
            self.process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                [sys.executable, *command],
                cwd=settings.BASE_DIR,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def output(self) -> str:
        """What it wrote since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.output().splitlines()[-count:])

    def terminate(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()

    def ensure_ended(self, deadline: float) -> None:
        """Wait until `deadline` (monotonic), then kill it with all it started."""
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _die_with_parent() -> None:
    """On Linux, let the kernel terminate the child when the demo is killed (kill -9)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
