"""`manage.py reconcile`: search Slant for possible duplicates now, not only once an hour."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.clock import Clock, ClockJumped, SteadyClock, SystemClock
from opportunities.delivery import connection, duplicates, restore_guard
from opportunities.runtime.budget import Share
from opportunities.trail.audit import Actor


class Command(BaseCommand):
    help = (
        "Compare the lists of Slant with what was confirmed in the last two hours. Exit 1 when a possible "
        "duplicate is open, 2 when Slant could not be read or is another one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._read(SteadyClock(SystemClock()), **options)
        except ClockJumped as jumped:
            raise CommandError(
                "The clock was set while Slant was read. Run the command again.", returncode=2
            ) from jumped

    def _read(self, clock: Clock, **options: Any) -> None:
        slant = connection.metered(connection.connect(clock), Share.CHECKS, clock)
        by = Actor.operator(getpass.getuser())
        connection.probe_if_due(slant, worker=by, clock=clock)
        if wrong := restore_guard.wrong_connection_message(slant):
            raise CommandError(wrong, returncode=2)
        swept = duplicates.sweep(slant, by=by, clock=clock)
        if swept.failure:
            raise CommandError(swept.failure, returncode=2)
        self.stdout.write(
            f"{swept.books} books, {swept.records} deals, {swept.calls} calls: {swept.unclaimed} deals of "
            f"the last two hours belong to no submission; {swept.closed} alerts closed."
        )
        if swept.not_listed:
            self.stdout.write(
                f"{swept.not_listed} submissions could not be looked for: Slant lists too little."
            )
        if texts := duplicates.open_alert_texts():
            raise CommandError("\n".join(texts))
        self.stdout.write("No possible duplicate is open.")
