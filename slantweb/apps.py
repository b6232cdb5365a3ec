"""Django's own applications, where ours differ."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class CollectedFiles(StaticFilesConfig):
    """The files that `collectstatic` leaves out: django-htmx also contains the next generation of htmx."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "htmx-4*", "htmax-4*"]
