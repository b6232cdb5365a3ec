"""`manage.py sync`: one pass of the mirror, now."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.actions import connection, mirror
from opportunities.actions.audit import Actor
from opportunities.actions.budget import Share
from opportunities.clock import SystemClock
from opportunities.models import SyncState


class Command(BaseCommand):
    help = "Read books, members, pipelines, stages and households from Slant into the mirror."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--full", action="store_true", help="read everything, not only what changed")

    def handle(self, *args: Any, **options: Any) -> None:
        clock = SystemClock()
        slant = connection.metered(connection.connect(clock), Share.SYNC, clock)
        worker = Actor.operator(f"sync:{os.getpid()}")
        if not mirror.sync_if_due(slant, worker=worker, clock=clock, now_please=True):
            raise CommandError("A worker is syncing right now; its pass will be in shortly.")
        failed = [f"{state.resource}: {state.failure}" for state in SyncState.objects.exclude(failed_at=None)]
        if failed:
            raise CommandError("; ".join(failed))
        self.stdout.write("The mirror is up to date.")
