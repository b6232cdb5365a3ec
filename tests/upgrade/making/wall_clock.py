"""The date the processes of a used deployment live in."""

import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path


class WallClock:
    """Moves the wall clock of processes started with `variables`; monotonic time stays the machine's."""

    def __init__(self, folder: Path) -> None:
        self._library, self._file = folder / "wall_clock.so", folder / "wall_clock_behind"
        source = Path(__file__).with_name("wall_clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(self._library), str(source)], check=True)
        self._file.write_text("0")

    @property
    def variables(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK_BEHIND": str(self._file)}

    def turn_to(self, moment: str) -> None:
        """From here on it is `moment` (UTC), and later as time goes by."""
        there = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        self._file.write_text(f"{time.time() - there.timestamp():.0f}")

    def turn_forward(self, seconds: int) -> None:
        """From here on it is so much later than on the machine."""
        self._file.write_text(str(-seconds))
