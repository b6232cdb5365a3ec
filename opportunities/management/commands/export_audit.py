"""`manage.py export_audit`: write the trail, or a part of it, to a folder that verifies by itself."""

import getpass
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.clock import SystemClock
from opportunities.models import Person
from opportunities.trail import export
from opportunities.trail.audit import Actor
from opportunities.trail.query import TrailQuery
from opportunities.trail.signing_keys import NoKey


class Command(BaseCommand):
    help = (
        "Write the audit trail, or a part of it, as JSON Lines and CSV with a manifest, signed checkpoints "
        "and the verifier, to a new folder."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a new or empty folder")
        parser.add_argument("--since", type=date.fromisoformat, help="first day, YYYY-MM-DD")
        parser.add_argument("--until", type=date.fromisoformat, help="last day, included")
        parser.add_argument(
            "--person", help='an e-mail address, "ISS SUB", or worker, operator, system, nobody'
        )
        parser.add_argument("--object", default="", help="submission:ID or opportunity:ID")
        parser.add_argument("--action", action="append", default=[], help="like submission.confirmed")
        parser.add_argument(
            "--archive", type=int, metavar="SEQ",
            help="everything up to the checkpoint at SEQ, to be moved out of the database (docs/audit.md)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        by, clock, folder = Actor.operator(getpass.getuser()), SystemClock(), options["folder"]
        try:
            if options["archive"]:
                summary = export.archive(options["archive"], folder, by=by, clock=clock)
            else:
                query = TrailQuery(
                    who=_person(options["person"] or ""),
                    actions=tuple(options["action"]),
                    object=options["object"],
                    since=options["since"],
                    until=options["until"],
                )
                summary = export.write_folder(query, folder, by=by, clock=clock)
        except (OSError, ValueError, NoKey) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"{summary.count:,} events, {summary.first[0]:,} to {summary.last[0]:,}, are in {folder}."
        )
        self.stdout.write(f"Check them anywhere with: python3 {export.VERIFIER} .")


def _person(text: str) -> str:
    if "@" not in text or " " in text:
        return text
    people = Person.objects.filter(email=text.lower())
    if len(people) != 1:
        raise CommandError(f'{len(people)} people have the address {text}; give "ISS SUB" instead.')
    return f"{people[0].iss} {people[0].sub}"
