"""`python -m tests.faults.run`: many histories, or one again.

python -m tests.faults.run --histories 10000 --jobs 2 --today    its first seed is the date's
python -m tests.faults.run --seed 17                    prints the history of seed 17
python -m tests.faults.run --seed 17 --histories 200    seeds 17 to 216
"""

import argparse
import gc
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

FAILED_SEEDS = Path(__file__).with_name("failed_seeds.txt")
A_DAY = 1_000_000  # seeds


@dataclass
class Verdict:
    """What came of some histories."""

    histories: int = 0
    violations: dict[int, list[str]] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    crashes: int = 0
    seconds: float = 0.0

    def add(self, other: "Verdict") -> None:
        self.histories += other.histories
        self.violations |= other.violations
        self.ended += other.ended
        self.crashes += other.crashes
        self.seconds += other.seconds

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {state}" for state, count in self.ended.most_common())
        rate = self.histories / self.seconds if self.seconds else 0.0
        return (
            f"{self.histories} histories, {len(self.violations)} with violations, {self.crashes} crashes; "
            f"submissions: {ends}; {rate:.1f} histories/s a process"
        )


def judge(
    seeds: Iterable[int],
    *,
    bug: Callable[[], AbstractContextManager[object]] = nullcontext,
    stop_at_first: bool = False,
    show: bool = False,
    always: frozenset[str] = frozenset(),
) -> Verdict:
    """Run the histories of `seeds` and check each. `bug` puts a bug into the actions first."""
    from tests.faults.checker import fingerprint, verdict_on
    from tests.faults.history import history, template

    # What the application logs is what it should; 10,000 histories of it help nobody.
    logging.disable(logging.CRITICAL)
    verdict = Verdict()
    template()
    gc.collect()
    gc.freeze()
    gc.disable()
    began = time.process_time()
    try:
        for number, seed in enumerate(seeds):
            if number % 20 == 19:
                gc.collect()
            with history(seed, always) as told, bug():
                told.run()
                violations = verdict_on(told)
            verdict.histories += 1
            verdict.crashes += told.crashes
            verdict.ended.update(told.ended)
            if show:
                print(told.plan, *told.scheduler.log, f"fingerprint {fingerprint(told)}", sep="\n")
            if violations:
                verdict.violations[seed] = [str(told.plan), *violations]
                if stop_at_first:
                    break
    finally:
        gc.enable()
        gc.unfreeze()
        logging.disable(logging.NOTSET)
    verdict.seconds = time.process_time() - began
    return verdict


def tell(verdict: Verdict, always: frozenset[str] = frozenset()) -> None:
    troubles = ",".join(sorted(always))
    for seed, violations in sorted(verdict.violations.items()):
        print(f"\nseed {seed}", *violations, sep="\n    ")
        print(f"    for {FAILED_SEEDS.name}: {seed} | {troubles} | {violations[1]}", flush=True)


def failed_seeds() -> list[tuple[int, frozenset[str]]]:
    """The histories that once violated an invariant: each a seed, and the troubles it needs besides its
    own.
    """
    lines = [line for line in FAILED_SEEDS.read_text().splitlines() if line and not line.startswith("#")]
    columns = [[column.strip() for column in line.split("|")] for line in lines]
    return [(int(seed), frozenset(filter(None, troubles.split(",")))) for seed, troubles, _ in columns]


def seed_of_today() -> int:
    """The first seed of today. No other day has it, and a day's histories do not reach the next day's."""
    return datetime.now(UTC).date().toordinal() * A_DAY


def _judge_range(first: int, count: int, always: frozenset[str]) -> Verdict:
    prepare()
    return judge(range(first, first + count), always=always)


def prepare() -> None:
    """Set up Django, for a process that pytest did not start."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the (first) seed")
    parser.add_argument("--today", action="store_true", help="begin with the date's first seed instead")
    parser.add_argument("--histories", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--always", default="", help="troubles every history has, with commas between them")
    chosen = parser.parse_args(arguments)
    always = frozenset(filter(None, chosen.always.split(",")))
    if chosen.today:
        chosen.seed = seed_of_today()
        print(f"the first seed is {chosen.seed}", flush=True)
    prepare()
    began, total, size = time.perf_counter(), Verdict(), 50
    if chosen.histories == 1:
        total = judge([chosen.seed], show=True, always=always)
        tell(total, always)
    else:
        firsts = range(chosen.seed, chosen.seed + chosen.histories, size)
        counts = [min(size, chosen.seed + chosen.histories - first) for first in firsts]
        with ProcessPoolExecutor(chosen.jobs) as pool:
            for part in pool.map(_judge_range, firsts, counts, [always] * len(firsts)):
                total.add(part)
                tell(part, always)
                if total.histories % 500 == 0:
                    print(total, flush=True)
    print(f"\n{total}, {time.perf_counter() - began:.0f} s in all")
    return 1 if total.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
