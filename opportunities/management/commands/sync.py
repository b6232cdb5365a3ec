"""`manage.py sync`: one pass of the mirror, now."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities import mirror
from opportunities.clock import Clock, ClockJumped, SteadyClock, SystemClock
from opportunities.delivery import connection, restore_guard
from opportunities.models import SyncState
from opportunities.runtime.budget import Share
from opportunities.trail.audit import Actor


class Command(BaseCommand):
    help = "Read books, members, pipelines, stages, households and deals from Slant into the mirror."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--full", action="store_true", help="read every deal, not only what changed")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._read(SteadyClock(SystemClock()), **options)
        except ClockJumped as jumped:
            raise CommandError("The clock was set while Slant was read. Run the command again.") from jumped

    def _read(self, clock: Clock, **options: Any) -> None:
        slant = connection.metered(connection.connect(clock), Share.SYNC, clock)
        worker = Actor.operator(f"sync:{os.getpid()}")
        connection.probe_if_due(slant, worker=worker, clock=clock)
        if wrong := restore_guard.wrong_connection_message(slant):
            raise CommandError(wrong, returncode=2)
        led = mirror.sync_if_due(
            slant, worker=worker, clock=clock, now_please=True, full=options["full"], tell=self._print_turn
        )
        if not led:
            raise CommandError("A worker is syncing right now; its results will be in shortly.")
        states = list(SyncState.objects.defer("walk"))
        if failed := [f"{state.resource}: {state.failure}" for state in states if state.failed_at]:
            raise CommandError("; ".join(failed))
        if unfinished := [state.resource for state in states if "goes_on_at" in state.cursor]:
            raise CommandError(
                f"The hour's calls are used up. What was read of {', '.join(unfinished)} is kept; workers "
                "continue as calls become free, and so does this command."
            )
        if any(state.cursor.get("partial") for state in states):
            self.stdout.write(
                "Slant does not list deals: those of households were read, others may be missing."
            )
        if missed := len(SyncState.objects.get(pk="opportunities").walk.get("missing", [])):
            deals = "1 deal was" if missed == 1 else f"{missed:,} deals were"
            self.stdout.write(
                f"{deals} not in Slant's list. One is marked gone when two full readings miss it and Slant "
                "has none of its id: the next full reading asks."
            )
        self.stdout.write("The mirror is up to date.")

    def _print_turn(self, state: SyncState) -> None:
        """Print a line at the end of each turn of a few seconds."""
        progress = state.cursor.get("progress")
        if progress:
            of = f" of {progress['of']:,}" if progress["of"] else ""
            self.stdout.write(f"{state.resource}: {progress['read']:,}{of} read")
        else:
            self.stdout.write(f"{state.resource}: {'failed' if state.failed_at else 'done'}")
