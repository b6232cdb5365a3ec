"""`manage.py probe_slant`: ask a real Slant what its documents leave open, before going live."""

import getpass
import json
import shutil
import textwrap
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.clock import SystemClock
from opportunities.probe import CannotAsk, Finding, ProbeOptions, ProbeReport
from opportunities.probe.audited import probe_with_audit
from opportunities.trail.audit import Actor

HEADS = ("Point", "Question", "What Slant does", "What follows")
SHARES = (0, 27, 40, 33)  # of the width beside the first column, in hundredths
POINT_WIDTH = 5


class Command(BaseCommand):
    help = (
        "Ask a real Slant what its documents leave open, and say what follows for our settings. Only reads; "
        "with --write it makes one test deal, clearly named, and moves it to its pipeline's archived stage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", default="", metavar="ID", help="the book for the test deal")
        parser.add_argument("--write", action="store_true", help="make the test deal; needs --book")
        parser.add_argument("--out-of-reach", default="", metavar="ID", help="a deal the token must not see")
        parser.add_argument(
            "--unrestricted",
            default="",
            metavar="ID",
            help="a pipeline Slant's own page shows as unrestricted",
        )
        parser.add_argument("--json", action="store_true", help="the same for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["write"] and not options["book"]:
            raise CommandError("--write needs --book: the id of the book for the test deal.", returncode=2)
        options_of_probe = ProbeOptions(
            book_id=options["book"],
            write=options["write"],
            out_of_reach=options["out_of_reach"],
            unrestricted=options["unrestricted"],
        )
        try:
            report = probe_with_audit(
                options_of_probe, by=Actor.operator(getpass.getuser()), clock=SystemClock()
            )
        except CannotAsk as why:
            raise CommandError(str(why)) from None
        self.stdout.write(as_json(report) if options["json"] else as_text(report))


def as_json(report: ProbeReport) -> str:
    content = {
        "calls": report.calls,
        "test_deal": report.test_deal,
        "settings": report.settings,
        "findings": [asdict(finding) for finding in report.findings],
    }
    return json.dumps(content, indent=2)


def as_text(report: ProbeReport) -> str:
    """The table, then the settings that follow, in lines no wider than the terminal."""
    width = max(96, min(shutil.get_terminal_size((150, 24)).columns, 200))
    beside = width - POINT_WIDTH - 2 * (len(HEADS) - 1)
    widths = (POINT_WIDTH, *(beside * share // 100 for share in SHARES[1:]))
    rule = "-" * (sum(widths) + 2 * (len(HEADS) - 1))
    lines = [*_table_row(HEADS, widths), rule]
    for finding in report.findings:
        lines += _table_row(_cells(finding), widths)
    untold = sum(not finding.told for finding in report.findings)
    lines += [rule, f"{report.calls} calls; {untold} of {len(report.findings)} points could not be settled."]
    if report.test_deal:
        lines.append(f'Test deal: "{report.test_deal}". Delete it in Slant; the API cannot.')
    if report.settings:
        lines += ["Settings that follow:", *(f"  {name}={value}" for name, value in report.settings.items())]
    else:
        lines.append("Settings that follow: none, the defaults fit what was seen.")
    return "\n".join(lines)


def _cells(finding: Finding) -> tuple[str, ...]:
    return (finding.point, finding.question, finding.seen, finding.follows)


def _table_row(cells: tuple[str, ...], widths: tuple[int, ...]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    for parts in zip_longest(*wrapped, fillvalue=""):
        yield "  ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
