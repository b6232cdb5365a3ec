#!/usr/bin/env python
"""Django's command line for Slantweb."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    if sys.argv[1:2] == ["sandbox"]:
        sys.exit(sandbox(sys.argv[2:]))
    from slantweb import private_files

    private_files.make_new_files_private(sys.argv[1] if len(sys.argv) > 1 else "")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slantweb.settings")
    if sys.argv[1:2] == ["work"]:
        # Its threads share a few connections to PostgreSQL.
        os.environ.setdefault("DATABASE_POOL", "1")
    if sys.argv[1:2] == ["demo"]:
        from slantweb import demo_env

        demo_env.prepare()

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        take_files_from_others()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"Slantweb cannot start: {problem}")


def take_files_from_others() -> None:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    from slantweb import private_files

    # Django itself says what is wrong with the settings, and helps without them.
    with suppress(ImproperlyConfigured):
        private_files.take_from_others(settings.VAR_DIR, str(settings.DATABASES["default"]["NAME"]))


def sandbox(arguments: list[str]) -> int:
    """The stand-in for Slant. It shares nothing with the application, so it runs without the application's
    settings.
    """
    import environ

    from opportunities.sandbox.__main__ import main

    environ.Env.read_env(Path(__file__).resolve().parent / ".env")  # SANDBOX_PORT may stand in it
    return main(arguments)


if __name__ == "__main__":
    main()
