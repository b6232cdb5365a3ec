"""Whether the static files of this version are collected. Without them pages have no styles, or old ones."""

from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage


@cache
def find_uncollected() -> tuple[str, ...]:
    """Files of this version that are missing where static files are served from.

    Checked once: this process serves what was there when it started.
    """
    # Other storages than ours, as in tests, serve files under their own names.
    storage: Any = staticfiles_storage
    if not hasattr(storage, "hashed_files"):
        return ()
    missing: list[str] = []
    collected: Any = apps.get_app_config("staticfiles")
    for finder in get_finders():
        for name, source in finder.list(collected.ignore_patterns):
            hashed, copy = storage.hashed_files.get(name), Path(storage.path(name))
            is_served = hashed and Path(storage.path(hashed)).is_file() and copy.is_file()
            if not is_served or copy.read_bytes() != Path(source.path(name)).read_bytes():
                missing.append(name)
    return tuple(sorted(missing))
