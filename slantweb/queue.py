"""The queue in PostgreSQL, for several processes that start together on an empty database."""

from typing import Any

import huey
from psycopg.errors import UniqueViolation


class PostgresHuey(huey.PostgresHuey):  # type: ignore[misc]  # huey carries no types
    """huey makes its tables when it is imported, in one transaction.

    Two processes may both find none. The second gets a unique violation of PostgreSQL's catalogue, though it
    asked for `IF NOT EXISTS`. By then the tables are there, so asking once more is enough.
    """

    def create_storage(self) -> Any:
        try:
            return super().create_storage()
        except UniqueViolation:
            return super().create_storage()
