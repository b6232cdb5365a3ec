"""`manage.py hold`: stop all sending; everything is kept."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from opportunities.clock import SystemClock
from opportunities.delivery import holds
from opportunities.trail.audit import Actor


class Command(BaseCommand):
    help = "Stop all sending to Slant. Submissions are still taken and kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", default="", help="why, for the trail")

    def handle(self, *args: Any, **options: Any) -> None:
        by = Actor.operator(getpass.getuser())
        held = holds.hold(holds.STOPPED, reason=options["reason"], by=by, clock=SystemClock())
        self.stdout.write("Sending is stopped." if held else "Sending was stopped already.")
