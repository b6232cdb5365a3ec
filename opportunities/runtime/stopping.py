"""Whether this process was asked to end. Checked between exchanges, which always run to their end."""

from collections.abc import Callable

Stopping = Callable[[], bool]


def never_stopping() -> bool:
    """The `Stopping` of a caller that is never asked to end."""
    return False
