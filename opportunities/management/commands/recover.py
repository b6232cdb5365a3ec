"""`manage.py recover`: make a restored or copied database safe to send from."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.clock import SystemClock
from opportunities.delivery import restore_guard
from opportunities.runtime import budget
from opportunities.trail.audit import Actor
from opportunities.trail.verify.report import NOT_AS_SEEN


class Command(BaseCommand):
    help = "Look in Slant for every open submission before it may be sent again, and remove the hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", default="restored from a backup", help="why, for the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        if wrong := restore_guard.other_slant_message():
            raise CommandError(wrong, returncode=2)
        by = Actor.operator(getpass.getuser())
        clock = SystemClock()
        try:
            count = restore_guard.recover(by=by, clock=clock, reason=options["reason"])
        except restore_guard.TrailAltered as altered:
            raise CommandError(str(altered), returncode=NOT_AS_SEEN) from altered
        if not budget.calls_left(clock):
            self.stdout.write(
                "The hour's calls to Slant count as spent: nothing is asked or sent until they are free "
                "again, in about an hour at most."
            )
        self.stdout.write(
            f"{count} open submissions will be looked for in Slant before anything is sent again."
        )
