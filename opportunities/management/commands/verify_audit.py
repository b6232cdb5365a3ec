"""`manage.py verify_audit`: is the audit trail what it was? The exit code says, docs/audit.md explains it."""

import getpass
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from opportunities.clock import SystemClock
from opportunities.trail.audit import Actor
from opportunities.trail.verify.nightly import conclude
from opportunities.trail.verify.report import Progress, VerificationReport
from opportunities.trail.verify.whole import verification


class Command(BaseCommand):
    help = (
        "Check the whole audit trail. Exit 0 good, 1 an event was altered, 2 events are missing or repeated, "
        "3 the trail is behind its head or a checkpoint, 4 a checkpoint cannot be believed, "
        "5 a submission is not what its events say, 7 an event is not the one this machine saw there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--key", action="append", default=[], help="trust this public key alone (hexadecimal)"
        )
        parser.add_argument(
            "--archive", action="append", default=[], type=Path, metavar="FILE",
            help="events.jsonl of events moved out of the database, oldest first",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        clock = SystemClock()
        began = clock.monotonic()
        steps = verification(keys=set(options["key"]) or None, archives=options["archive"])
        while True:
            try:
                self._show(next(steps))
            except StopIteration as ended:
                report: VerificationReport = ended.value
                break
        self._tell(report, clock.monotonic() - began)
        if not conclude(report, by=Actor.operator(getpass.getuser()), clock=clock):
            self.stdout.write(
                "An alert is raised; the trail itself takes no event of this in the state it is in."
            )
        if report.code:
            sys.exit(report.code)

    def _show(self, progress: Progress) -> None:
        """On a terminal one line that counts; elsewhere a line each hundred thousand."""
        counted = f"{progress.done:,} of {progress.total:,} {progress.what}"
        if self.stderr.isatty():
            self.stderr.write(f"\r{counted}", ending="")
        elif progress.done % 100_000 == 0:
            self.stderr.write(counted)

    def _tell(self, report: VerificationReport, seconds: float) -> None:
        if self.stderr.isatty():
            self.stderr.write("")
        if report.problem:
            self.stdout.write(f"NOT GOOD: first bad sequence {report.problem.seq}: {report.problem.words}")
            return
        self.stdout.write(
            f"Good: {report.events:,} events, {report.checkpoints:,} checkpoints (the newest at "
            f"{report.vouched:,}), {report.submissions:,} submissions as their events say; {seconds:.1f} s."
        )
        for note in report.notes:
            self.stdout.write(note)
