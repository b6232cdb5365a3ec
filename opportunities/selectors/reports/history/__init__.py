"""Changes of deals, read from their versions by SQL of our own: a version beside the one before it.

The ORM cannot join a table to itself by two columns, and doing it in Python would mean fetching every version
of a period. The texts hold no value from outside: those travel as parameters. They run on SQLite and
PostgreSQL alike.

A change is a version that begins in the span, beside the version of the same deal that ends as it begins.
Versions that began and ended in one moment never showed and are passed over. Stages mean what they mean
today.
"""

from .closings import closed, closings, lost_reasons
from .movements import movements, single
from .sql import Change, Scope, Span
from .stays import passages, stays

__all__ = [
    "Change",
    "Scope",
    "Span",
    "closed",
    "closings",
    "lost_reasons",
    "movements",
    "passages",
    "single",
    "stays",
]
