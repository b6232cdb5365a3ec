"""Shorter ways through Django's ORM for its commonest questions, while histories happen: ten thousand ask the same.

The actions, and the statements the database is given, stay what they are: a statement is remembered when the long way
wrote it and put the values where the short way does. What is not plain takes the long way always.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connections, transaction
from django.db.models import JSONField, lookups
from django.db.models.constants import LOOKUP_SEP
from django.db.models.query import QuerySet
from django.db.models.sql import Query, UpdateQuery
from django.db.models.sql.where import WhereNode

from tests.faults.compiler import PLAIN, NotPlain, shape_of

VALUES = (str, int, datetime, date, UUID)
_columns: dict[Any, Any] = {}
_statements: dict[Any, Any] = {}
_the_long_way = SimpleNamespace(
    build_filter=Query.build_filter, exists=QuerySet.exists, update=QuerySet.update, _update=QuerySet._update
)


@contextmanager
def shortcuts() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch.object(Query, "build_filter", _build_filter))
        stack.enter_context(patch.object(QuerySet, "exists", _exists))
        stack.enter_context(patch.object(QuerySet, "update", _update))
        stack.enter_context(patch.object(QuerySet, "_update", _update_fields))
        # One thread, so a plain place will do for what is otherwise kept for each.
        here = SimpleNamespace(default=connections["default"])
        stack.enter_context(patch.object(connections, "_connections", here))
        yield


# Conditions


def _build_filter(self: Query, condition: Any, **rest: Any) -> Any:
    """A condition between a column of the model's own and a value."""
    if (
        type(condition) is tuple
        and not (self.annotations or rest.get("branch_negated") or rest.get("current_negated"))
        and self.alias_cols
    ):
        name, value = condition
        key = (self.model, name)
        if key not in _columns:
            _columns[key] = _plain_column(*key)
        if _columns[key] is not None and _is_plain(value):
            field, lookup = _columns[key]
            alias = self.get_initial_alias()
            if rest.get("can_reuse") is not None:
                rest["can_reuse"].add(alias)
            return WhereNode([lookup(field.get_col(alias), value)]), {alias}
    return _the_long_way.build_filter(self, condition, **rest)


def _plain_column(model: Any, name: str) -> tuple[Any, Any] | None:
    """The field and the lookup that `name` means, if both are plain."""
    column, _, kind = name.partition(LOOKUP_SEP)
    fields = {field.name: field for field in model._meta.concrete_fields if not field.is_relation}
    fields["pk"] = fields.get(model._meta.pk.name)
    field = fields.get(column)
    if field is None or isinstance(field, JSONField):
        return None
    lookup = field.get_lookup(kind or "exact")
    plain = lookup is not None and issubclass(lookup, (*PLAIN, lookups.In))
    return (field, lookup) if plain else None


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(one, VALUES) for one in value)
    return isinstance(value, VALUES)


# Whole statements


def _exists(self: Any) -> bool:
    if self._result_cache is not None:
        return bool(self._result_cache)

    def write(connection: Any) -> Any:
        return self.query.exists().get_compiler(connection=connection).as_sql()

    try:
        sql, params, connection = _remembered(self, ("exists",), [], write)
    except NotPlain:
        return bool(_the_long_way.exists(self))
    return connection.run(sql, params).fetchone() is not None


def _update(self: Any, **values: Any) -> int:
    meta = self.model._meta
    try:
        sql, params, connection = _change(self, [(meta.get_field(name), one) for name, one in values.items()])
    except NotPlain:
        return int(_the_long_way.update(self, **values))
    with transaction.mark_for_rollback_on_error(using=self.db):
        self._result_cache = None
        return int(connection.run(sql, params).rowcount)


def _update_fields(self: Any, values: Any) -> int:
    try:
        sql, params, connection = _change(self, [(field, value) for field, _, value in values])
    except NotPlain:
        return int(_the_long_way._update(self, values))
    self._result_cache = None
    return int(connection.run(sql, params).rowcount)


def _change(of: Any, values: list[tuple[Any, Any]]) -> Any:
    """An UPDATE of the rows of a query set, if it is a plain one."""
    connection = connections[of.db]
    prepared, kind = [], []
    for field, value in values:
        if field.is_relation or hasattr(value, "resolve_expression") or hasattr(field, "get_placeholder"):
            raise NotPlain
        stored = field.get_db_prep_save(value, connection=connection)
        if hasattr(stored, "as_sql"):
            raise NotPlain
        kind.append((field, stored is None))
        if stored is not None:
            prepared.append(stored)

    def write(connection: Any) -> Any:
        query = of.query.chain(UpdateQuery)
        query.add_update_fields([(field, None, value) for field, value in values])
        return query.get_compiler(connection=connection).as_sql()

    return _remembered(of, ("update", *kind), prepared, write)


def _remembered(of: Any, kind: Any, first: list[Any], write: Callable[[Any], Any]) -> Any:
    """The statement of `kind` about the rows of a query set, its values, and where to run it."""
    connection = connections[of.db]
    if of.query.is_sliced:
        raise NotPlain
    values: list[Any] = []
    try:
        shape = kind, shape_of(of.query, of.query.get_compiler(connection=connection), values)
    except (EmptyResultSet, FullResultSet) as nothing:
        raise NotPlain from nothing
    if shape not in _statements:
        sql, params = write(connection)
        constant = len(params) - len(first) - len(values)
        same = constant >= 0 and list(params[constant:]) == [*first, *values]
        _statements[shape] = (sql, tuple(params[:constant])) if same else None
    if _statements[shape] is None:
        raise NotPlain
    sql, constants = _statements[shape]
    return sql, (*constants, *first, *values), connection
