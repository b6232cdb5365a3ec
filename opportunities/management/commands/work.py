"""`manage.py work`: a worker. Any number may run, on any number of machines."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from huey.consumer import Consumer
from huey.contrib.djhuey import HUEY

from opportunities.delivery import restore_guard
from opportunities.models import Instance
from opportunities.watch import threads
from opportunities.worker import tasks


class Command(BaseCommand):
    help = "Send submissions, settle lost answers and keep the mirror fresh, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        """Runs in the foreground. SIGTERM and SIGINT let the exchange under way finish."""
        if wrong := restore_guard.other_slant_message():
            raise CommandError(wrong, returncode=2)
        Instance.objects.filter(pk=1).update(me_checked_at=None)
        tasks.round_of_work()
        consumer = Consumer(
            HUEY,
            workers=4,
            initial_delay=0.05,
            backoff=1.1,
            max_delay=0.2,
            scheduler_interval=1,
            graceful_signal="TERM",
        )
        tasks.Ending.asked = consumer.stop_flag.is_set
        threads.start()
        consumer.run()
