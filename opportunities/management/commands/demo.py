"""`manage.py demo`: serve the demo in the foreground. `make run` calls it."""

from typing import Any

from django.core.management.base import BaseCommand

from opportunities.demo.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Serve the demo: sandbox (unless SLANT_BASE_URL names another Slant), worker and web, "
        "in the foreground."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        Supervisor().run()
