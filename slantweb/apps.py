"""Django's own applications, where ours differ."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class CollectedFiles(StaticFilesConfig):
    """Which files `collectstatic` leaves out: django-htmx ships the next generation of htmx, too."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "htmx-4*", "htmax-4*"]
