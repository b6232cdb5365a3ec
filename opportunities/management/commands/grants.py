"""`manage.py grants`: as the owner of the tables, after each migrate: what worker and web may do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from opportunities.runtime import grants


class Command(BaseCommand):
    help = (
        f"Give the roles {grants.WORKER} (worker) and {grants.WEB} (web) their rights on PostgreSQL: all of "
        "them, or none and exit 1. Run it as the owner of the tables after each migrate."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "postgresql":
            self.stdout.write("SQLite knows no roles, so there is nothing to grant.")
            return
        try:
            grants.grant_all()
        except grants.CannotGrant as why:
            raise CommandError("Nothing was granted.\n" + "\n".join(why.reasons)) from None
        except DatabaseError as problem:
            raise CommandError(f"Nothing was granted: {problem}") from problem
        self.stdout.write(
            f"{grants.WORKER} and {grants.WEB} have their rights on {len(grants.all_tables())} tables."
        )
