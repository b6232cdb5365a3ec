"""`manage.py verify_audit`: is the audit trail what it was? The exit code says, docs/audit.md explains it."""

import getpass
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.clock import Clock, SystemClock
from opportunities.trail import checkpoints, signing_keys
from opportunities.trail.audit import Actor
from opportunities.trail.verify.nightly import conclude
from opportunities.trail.verify.report import Progress, VerificationReport
from opportunities.trail.verify.whole import verification


class Command(BaseCommand):
    help = (
        "Check the whole audit trail. Exit 0 good, 1 an event was altered, 2 events are missing or repeated, "
        "3 the trail is behind its head or a checkpoint, 4 a checkpoint cannot be believed, "
        "5 a submission is not what its events say, 7 an event is not the one this machine saw there, "
        "or nothing proves that our web or worker wrote it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--key", action="append", default=[], help="trust this public key alone (hexadecimal)"
        )
        parser.add_argument(
            "--archive", action="append", default=[], type=Path, metavar="FILE",
            help="events.jsonl of events moved out of the database, oldest first",
        )  # fmt: skip
        parser.add_argument(
            "--witness", action="append", default=[], type=Path, metavar="FILE",
            help="compare with the checkpoint in a saved mail, or in a file that was kept elsewhere",
        )  # fmt: skip
        parser.add_argument(
            "--accept", metavar="FIRST[-LAST]",
            help="answer, in a signed note, for events whose MAC does not prove who wrote them",
        )  # fmt: skip
        parser.add_argument("--reason", default="", help="why, for the note of --accept")

    def handle(self, *args: Any, **options: Any) -> None:
        clock = SystemClock()
        if options["accept"]:
            self._accept(options["accept"], options["reason"], clock)
        began = clock.monotonic()
        steps = verification(
            keys=set(options["key"]) or None, archives=options["archive"], saved=options["witness"]
        )
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

    def _accept(self, numbers: str, reason: str, clock: Clock) -> None:
        first, _, last = numbers.partition("-")
        try:
            if not reason.strip():
                raise ValueError("--accept needs a --reason")
            checkpoints.note_accepted(
                int(first), int(last or first), by=getpass.getuser(), reason=reason, clock=clock
            )
        except (ValueError, OSError, signing_keys.NoKey) as problem:
            raise CommandError(f"nothing was accepted: {problem}", returncode=4) from problem

    def _show(self, progress: Progress) -> None:
        """On a terminal one line that counts; elsewhere a line each hundred thousand."""
        counted = f"{progress.done:,} of {progress.total:,} {progress.unit}"
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
