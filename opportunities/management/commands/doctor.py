"""`manage.py doctor`: what is wrong with this deployment, before it serves."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from opportunities.doctor.diagnosis import Level, Plan, Process
from opportunities.doctor.examination import examine


class Command(BaseCommand):
    help = (
        "Say what is wrong with this deployment, a line for each look. Run it as the user and with the "
        "variables of web or worker. Exit 0 nothing is wrong (there may be warnings), 1 something is, "
        "2 something could not be looked at."
    )
    # What Django would check first, we say in our own lines.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--for", dest="process", choices=list(Process), default=Process.WORKER,
            help="the process whose user and variables these are",
        )  # fmt: skip
        parser.add_argument("--webs", type=int, default=2, help="how many web processes run in all")
        parser.add_argument("--workers", type=int, default=2, help="how many workers run in all")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = Plan(Process(options["process"]), options["webs"], options["workers"])
        levels = set()
        for name, finding in examine(plan):
            levels.add(finding.level)
            self.stdout.write(f"{finding.level:<9} {name}: {finding.words}")
        if Level.NOT_SEEN in levels:
            sys.exit(2)
        if Level.PROBLEM in levels:
            sys.exit(1)
