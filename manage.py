#!/usr/bin/env python
"""Django's command line for Slantweb."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slantweb.settings")
    if sys.argv[1:2] == ["demo"]:
        from slantweb import demo_env

        demo_env.prepare()

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        sys.exit(f"Slantweb cannot start: {problem}")


if __name__ == "__main__":
    main()
