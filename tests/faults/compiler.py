"""Django's SQL compilers, remembering what a plain SELECT of a whole model reads: it is the same every time.

Most of a history is Django writing the names of the same columns again and again; ten thousand of them need this to be
done in ten minutes. A backend may bring compilers of its own (`DatabaseOperations.compiler_module`).
"""

from typing import Any

from django.db.models.sql import compiler
from django.db.models.sql.compiler import (  # noqa: F401 - Django looks for them here
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)

_selects: dict[Any, Any] = {}
_converters: dict[Any, Any] = {}


class SQLCompiler(compiler.SQLCompiler):
    """Remembers the select clause of whole models, and how its columns become Python values."""

    remembered: Any = None

    def get_select(self, with_col_aliases: bool = False) -> Any:
        query = self.query
        plain = (
            query.default_cols
            and query.selected is None
            and query.deferred_loading == (frozenset(), True)
            and not (
                with_col_aliases or query.select_related or query.extra_select or query.annotation_select
            )
        )
        if not plain:
            return super().get_select(with_col_aliases)
        key = (query.model, query.get_initial_alias())
        if key not in _selects:
            _selects[key] = super().get_select()
        self.remembered = key
        columns, info, _ = _selects[key]
        return list(columns), dict(info), {}

    def get_converters(self, expressions: Any) -> Any:
        if self.remembered is None:
            return super().get_converters(expressions)
        if self.remembered not in _converters:
            _converters[self.remembered] = super().get_converters(expressions)
        return _converters[self.remembered]
