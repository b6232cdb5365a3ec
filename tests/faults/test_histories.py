"""Some histories of the simulated world in every run of the suite; `make faults` runs ten thousand."""

import subprocess
import sys

from tests.support.environment import ROOT, clean_environment

IN_THE_SUITE = 24


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In processes of its own: the world has its own databases, and its own idea of time."""
    return subprocess.run(
        [sys.executable, "-m", "tests.faults.run", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_no_history_breaks_a_promise() -> None:
    done = simulate("--seed", "0", "--histories", str(IN_THE_SUITE), "--jobs", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{IN_THE_SUITE} histories, 0 with violations" in done.stdout


def test_a_seed_replays_exactly() -> None:
    first, second = (simulate("--seed", "17").stdout.rpartition(", ")[0] for _ in range(2))

    assert "fingerprint" in first
    assert _without_times(first) == _without_times(second)


def _without_times(told: str) -> list[str]:
    return [line for line in told.splitlines() if "histories/s" not in line]
