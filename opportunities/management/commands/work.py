"""`manage.py work`: a worker. Any number may run, on any number of machines."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from opportunities.delivery import restore_guard
from opportunities.models import Instance
from opportunities.watch import threads
from opportunities.worker.rounds import Worker


class Command(BaseCommand):
    help = "Send submissions, settle lost answers and keep the mirror fresh, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs in the foreground. SIGTERM and SIGINT let the exchange under way finish."""
        if wrong := restore_guard.other_slant_message():
            raise CommandError(wrong, returncode=2)
        Instance.objects.filter(pk=1).update(me_checked_at=None)
        worker = Worker()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.rounds.stop)
        threads.start(mails_checkpoints=True)
        worker.run()
