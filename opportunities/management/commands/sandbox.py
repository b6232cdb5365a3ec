"""`manage.py sandbox`: run the stand-in for Slant in the foreground."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from opportunities.sandbox.__main__ import add_arguments, arguments_for


class Command(BaseCommand):
    help = "Run a local stand-in for Slant: its own process, its own settings, nothing shared with the application."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Become that process, so that signals and the exit code are its own."""
        command = [sys.executable, "-m", "opportunities.sandbox", *arguments_for(options)]
        os.execv(sys.executable, command)  # noqa: S606 - no shell, our own interpreter
