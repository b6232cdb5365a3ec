"""Django's SQL compiler with a cache for queries of the same shape, because ten thousand histories repeat
them.

A backend may bring compilers of its own (`DatabaseOperations.compiler_module`). Only plain queries are
remembered: one table, conditions between a column and a value, or the same of another. What is remembered was
compared with the real thing once: see `as_sql`.
"""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import lookups
from django.db.models.base import ModelState
from django.db.models.expressions import Col, Exists, NegatedExpression
from django.db.models.sql import compiler
from django.db.models.sql.compiler import (  # noqa: F401 - Django looks for them here
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)
from django.db.models.sql.constants import MULTI, SINGLE
from django.db.models.sql.query import Query
from django.db.models.sql.where import WhereNode

PLAIN = (
    lookups.Exact,
    lookups.GreaterThan,
    lookups.GreaterThanOrEqual,
    lookups.LessThan,
    lookups.LessThanOrEqual,
    lookups.StartsWith,
    lookups.IExact,
)
FACTS = ("select", "klass_info", "annotation_col_map", "col_count", "has_extra_select")
_statements: dict[Any, Any] = {}
_converters: dict[Any, Any] = {}
_columns: dict[Any, Any] = {}


class NotPlain(Exception):
    """This query is one for Django itself."""


class SQLCompiler(compiler.SQLCompiler):
    """Remembers statements by the shape of the query, and how its columns become Python values."""

    shape: Any = None

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> Any:
        values: list[Any] = []
        try:
            shape = (shape_of(self.query, self, values), with_limits)
        except (NotPlain, EmptyResultSet, FullResultSet):
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

    def execute_sql(self, result_type: Any = MULTI, chunked_fetch: bool = False, **rest: Any) -> Any:
        """The rows of a remembered statement, without the layers between it and the database."""
        if chunked_fetch or result_type not in (MULTI, SINGLE):
            return super().execute_sql(result_type, chunked_fetch, **rest)
        try:
            sql, params = self.as_sql()
        except EmptyResultSet:
            return iter([]) if result_type == MULTI else None
        if self.shape is None or self.has_extra_select:
            return super().execute_sql(result_type, chunked_fetch, **rest)
        cursor = self.connection.run(sql, params)
        if result_type == SINGLE:
            row = cursor.fetchone()
            return row[: self.col_count] if row else row
        return [cursor.fetchall()]

    def objects(self) -> Iterator[Any] | None:
        """The objects of one table that a remembered statement finds, or None if it is not remembered."""
        try:
            sql, params = self.as_sql()
        except EmptyResultSet:
            return iter(())
        if self.shape is None or self.annotation_col_map or self.has_extra_select:
            return None
        rows: Any = self.connection.run(sql, params).fetchall()
        if self.shape not in _columns:
            columns = [column[0] for column in self.select]
            _columns[self.shape] = (
                self.klass_info["model"],
                [column.target.attname for column in columns],
                self.get_converters(columns),
            )
        model, names, converters = _columns[self.shape]
        if converters:
            rows = self.apply_converters(rows, converters)
        return (object_of(model, self.connection.alias, names, row) for row in rows)

    def get_converters(self, expressions: Any) -> Any:
        if self.shape is None:
            return super().get_converters(expressions)
        if self.shape not in _converters:
            _converters[self.shape] = super().get_converters(expressions)
        return _converters[self.shape]


def object_of(model: Any, alias: str, names: list[str], row: Any) -> Any:
    """What `Model.from_db` makes, without its signals; columns not selected are deferred."""
    made = model.__new__(model)
    made._state = state = ModelState()
    state.adding, state.db = False, alias
    made.__dict__.update(zip(names, row, strict=True))
    return made


def shape_of(query: Any, of: SQLCompiler, values: list[Any]) -> Any:
    """All that decides the text of a statement. Its values go to `values`, in the order of the text."""
    if (
        query.combinator
        or query.select_related
        or query.extra
        or query.distinct_fields
        or query.group_by is not None
        or query.extra_order_by
        or query.explain_info
        or len(tables := [alias for alias in query.alias_map if query.alias_refcount[alias]]) > 1
        or of.elide_empty is not True
    ):
        raise NotPlain
    if not all(type(column) is Col for column in query.select) or not all(
        isinstance(name, str) for name in query.order_by
    ):
        raise NotPlain
    return (
        query.model,
        tuple(tables),
        query.default_cols,
        query.distinct,
        (frozenset(query.deferred_loading[0]), query.deferred_loading[1]),
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
        raise NotPlain
    return name


def _conditions(node: Any, of: SQLCompiler, values: list[Any]) -> Any:
    parts = []
    for child in node.children:
        kind = type(child)
        if kind is WhereNode:
            parts.append(_conditions(child, of, values))
            continue
        column = getattr(child, "lhs", None)
        if type(column) is NegatedExpression and type(column.expression) is Exists and child.rhs is True:
            parts.append((kind, Exists, shape_of(column.expression.query, of, values)))
            continue
        if type(column) is not Col or getattr(child, "bilateral_transforms", None):
            raise NotPlain
        about: Any = None
        if issubclass(kind, lookups.IsNull):
            about = child.rhs
        elif issubclass(kind, lookups.In):
            if isinstance(child.rhs, Query):
                about = shape_of(child.rhs, of, values)
            elif isinstance(child.rhs, (list, tuple)):
                found = child.process_rhs(of, of.connection)[1]
                about = len(found)
                values.extend(found)
            else:
                raise NotPlain
        elif isinstance(child, PLAIN) and not isinstance(child.rhs, bool) and child.rhs_is_direct_value():
            values.extend(child.process_rhs(of, of.connection)[1])
        elif isinstance(child, PLAIN) and type(child.rhs) is Col:
            about = (child.rhs.alias, child.rhs.target)
        else:
            raise NotPlain
        parts.append((kind, column.alias, column.target, about))
    return (node.connector, node.negated, tuple(parts))
