"""Django's SQL compiler, remembering what it wrote for a query of the same shape: ten thousand histories ask the same.

A backend may bring compilers of its own (`DatabaseOperations.compiler_module`). Only plain queries are remembered: one
table, conditions between a column and a value. What is remembered was compared with the real thing once: see `as_sql`.
"""

from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import lookups
from django.db.models.expressions import Col
from django.db.models.sql import compiler
from django.db.models.sql.compiler import (  # noqa: F401 - Django looks for them here
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)
from django.db.models.sql.where import WhereNode

PLAIN = (
    lookups.Exact,
    lookups.GreaterThan,
    lookups.GreaterThanOrEqual,
    lookups.LessThan,
    lookups.LessThanOrEqual,
    lookups.StartsWith,
)
FACTS = ("select", "klass_info", "annotation_col_map", "col_count", "has_extra_select")
WHOLE_MODEL = (frozenset(), True)
_statements: dict[Any, Any] = {}
_converters: dict[Any, Any] = {}


class _NotPlain(Exception):
    """This query is one for Django itself."""


class SQLCompiler(compiler.SQLCompiler):
    """Remembers statements by the shape of the query, and how its columns become Python values."""

    shape: Any = None

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> Any:
        values: list[Any] = []
        try:
            shape = (_shape(self.query, self, values), with_limits)
        except (_NotPlain, EmptyResultSet, FullResultSet):
            return super().as_sql(with_limits, with_col_aliases)
        if with_col_aliases:
            return super().as_sql(with_limits, with_col_aliases)
        if shape not in _statements:
            sql, params = super().as_sql(with_limits, with_col_aliases)
            before = len(params) - len(values)
            same = before >= 0 and list(params[before:]) == values
            facts = {name: getattr(self, name) for name in FACTS if hasattr(self, name)}
            _statements[shape] = (sql, tuple(params[:before]), facts) if same else None
            return sql, params
        if _statements[shape] is None:
            return super().as_sql(with_limits, with_col_aliases)
        sql, first, facts = _statements[shape]
        self.__dict__.update(facts)
        self.shape = shape
        return sql, (*first, *values)

    def get_converters(self, expressions: Any) -> Any:
        if self.shape is None:
            return super().get_converters(expressions)
        if self.shape not in _converters:
            _converters[self.shape] = super().get_converters(expressions)
        return _converters[self.shape]


def _shape(query: Any, of: SQLCompiler, values: list[Any]) -> Any:
    """All that decides the text of a statement. Its values go to `values`, in the order of the text."""
    if (
        query.combinator
        or query.select_related
        or query.extra
        or query.distinct
        or query.group_by is not None
        or query.extra_order_by
        or query.explain_info
        or len(query.alias_map) > 1
        or query.deferred_loading != WHOLE_MODEL
        or of.elide_empty is not True
    ):
        raise _NotPlain
    if not all(type(column) is Col for column in query.select) or not all(
        isinstance(name, str) for name in query.order_by
    ):
        raise _NotPlain
    return (
        query.model,
        tuple(query.alias_map),
        query.default_cols,
        tuple((column.alias, column.target) for column in query.select),
        tuple(query.selected.items()) if query.selected else None,
        tuple(_constant(name, value) for name, value in query.annotations.items()),
        query.order_by,
        query.default_ordering,
        query.standard_ordering,
        query.low_mark,
        query.high_mark,
        _conditions(query.where, of, values),
    )


def _constant(name: str, annotation: Any) -> Any:
    """`exists()` selects the number one; anything else is not plain."""
    if getattr(annotation, "value", None) != 1:
        raise _NotPlain
    return name


def _conditions(node: Any, of: SQLCompiler, values: list[Any]) -> Any:
    parts = []
    for child in node.children:
        kind = type(child)
        if kind is WhereNode:
            parts.append(_conditions(child, of, values))
            continue
        column = getattr(child, "lhs", None)
        if type(column) is not Col or getattr(child, "bilateral_transforms", None):
            raise _NotPlain
        about: Any = None
        if kind is lookups.IsNull:
            about = child.rhs
        elif kind is lookups.In:
            if not isinstance(child.rhs, (list, tuple)):
                raise _NotPlain
            about = len(child.rhs)
            values.extend(child.process_rhs(of, of.connection)[1])
        elif isinstance(child, PLAIN) and not isinstance(child.rhs, bool) and child.rhs_is_direct_value():
            values.extend(child.process_rhs(of, of.connection)[1])
        else:
            raise _NotPlain
        parts.append((kind, column.alias, column.target, about))
    return (node.connector, node.negated, tuple(parts))
