"""Changes of deals, read from their versions by SQL of our own: a version beside the one before it.

The ORM cannot join a table to itself by two columns, and Python would have to fetch every version of a
period. The texts hold no value from outside: those travel as parameters. They run on SQLite and PostgreSQL
alike.

A change is a version that begins in the span, beside the version of the same deal that ends as it begins.
Versions that began and ended in one moment never showed and are passed over. Stages mean what they mean
today.
"""

from .movements import count_movements, list_changes
from .sql import DealChange, DealScope, Span
from .visits import list_turns

__all__ = [
    "DealChange",
    "DealScope",
    "Span",
    "count_movements",
    "list_changes",
    "list_turns",
]
