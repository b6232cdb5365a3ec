"""`manage.py release`: go on sending after `hold` or an alarm."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from opportunities.clock import SystemClock
from opportunities.delivery import holds
from opportunities.models import Hold
from opportunities.runtime import alerts, wakeup
from opportunities.trail.audit import Actor


class Command(BaseCommand):
    help = "Resume sending after a stop, or with --code remove another hold, such as the unit alarm."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", default="", help="why, for the trail")
        parser.add_argument("--code", default=holds.STOPPED, help="which hold to remove")

    def handle(self, *args: Any, **options: Any) -> None:
        by = Actor.operator(getpass.getuser())
        lifted = holds.release(options["code"], reason=options["reason"], by=by, clock=SystemClock())
        alerts.close_alert(options["code"], clock=SystemClock())
        wakeup.wake()
        self.stdout.write("Sending resumed." if lifted else f"Nothing is held for {options['code']}.")
        for other in Hold.objects.all():
            self.stdout.write(f"Still held ({other.code}): {other.reason}")
