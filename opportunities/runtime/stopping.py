"""Whether this process was asked to end: asked between exchanges, which are never broken off for it."""

from collections.abc import Callable

Stopping = Callable[[], bool]


def never_stopping() -> bool:
    """The `Stopping` of a caller that is never asked to end."""
    return False
