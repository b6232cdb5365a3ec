"""Shorter ways through Django's ORM for its commonest queries, which ten thousand histories repeat.

The actions, and the statements the database is given, stay what they are: a statement is remembered when the
long way wrote it and put the values where the short way does. What is not plain takes the long way always.
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
from django.db.models import JSONField, Q, lookups
from django.db.models.constants import LOOKUP_SEP
from django.db.models.manager import BaseManager
from django.db.models.query import MAX_GET_RESULTS, ModelIterable, QuerySet
from django.db.models.sql import Query, UpdateQuery
from django.db.models.sql.where import AND, WhereNode

from tests.faults.chains import get_queryset
from tests.faults.compiler import PLAIN, NotPlain, object_of, shape_of

VALUES = (str, int, datetime, date, UUID)
PLAIN_VALUES = frozenset((str, int, UUID))
_columns: dict[Any, Any] = {}
_ones: dict[Any, Any] = {}
_statements: dict[Any, Any] = {}
_the_long_way = SimpleNamespace(
    build_filter=Query.build_filter,
    filter_in_place=QuerySet._filter_or_exclude_inplace,
    objects=ModelIterable.__iter__,
    get=QuerySet.get,
    exists=QuerySet.exists,
    update=QuerySet.update,
    _update=QuerySet._update,
)


@contextmanager
def shortcuts() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch.object(BaseManager, "get_queryset", get_queryset))
        stack.enter_context(patch.object(Query, "build_filter", _build_filter))
        stack.enter_context(patch.object(QuerySet, "_filter_or_exclude_inplace", _filter_in_place))
        stack.enter_context(patch.object(ModelIterable, "__iter__", _objects))
        stack.enter_context(patch.object(QuerySet, "get", _get))
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
        if (column := _column_for(self.model, name, value)) is not None:
            field, lookup = column
            alias = self.get_initial_alias()
            if rest.get("can_reuse") is not None:
                rest["can_reuse"].add(alias)
            return WhereNode([lookup(field.get_col(alias), value)]), {alias}
    return _the_long_way.build_filter(self, condition, **rest)


def _filter_in_place(self: Any, negate: bool, args: Any, kwargs: dict[str, Any]) -> None:
    """Conditions that are all plain need nothing of what finds out which tables to join, and how."""
    query = self._query
    if not (query.annotations or not query.alias_cols):
        try:
            if clause := _clause(query.model, [*args, *sorted(kwargs.items())], negated=negate):
                alias = query.get_initial_alias()
                query.used_aliases.add(alias)
                query.where.add(clause(alias), AND)
                return None
        except NotPlain:
            pass
    return _the_long_way.filter_in_place(self, negate, args, kwargs)


def _clause(
    model: Any, children: list[Any], *, connector: str = AND, negated: bool, above: bool = False
) -> Any:
    """How to make the node of plain conditions for the alias of their table; None if they are not plain."""
    within = above ^ negated
    parts = []
    for child in children:
        if type(child) is Q:
            part = _clause(
                model, child.children, connector=child.connector, negated=child.negated, above=within
            )
        elif type(child) is tuple:
            part = _plain_condition(model, *child, negated=within)
        else:
            raise NotPlain
        if part is None:
            raise NotPlain
        parts.append(part)

    def node(alias: str) -> WhereNode:
        made = WhereNode(connector=connector, negated=negated)
        for part in parts:
            made.add(part(alias), connector)
        return made

    return node if parts else None


def _plain_condition(model: Any, name: str, value: Any, *, negated: bool) -> Any:
    """How to make one condition. Within a NOT, only of a column that is never null: others need more."""
    if value is None and LOOKUP_SEP not in name:
        if (column := _known_column(model, name)) is None or column[0].primary_key:
            raise NotPlain
        return lambda alias: WhereNode([lookups.IsNull(column[0].get_col(alias), True)])
    column = _column_for(model, name, value)
    if column is None or (negated and column[0].null):
        raise NotPlain
    field, lookup = column
    return lambda alias: WhereNode([lookup(field.get_col(alias), value)])


def _column_for(model: Any, name: str, value: Any) -> tuple[Any, Any] | None:
    """The field and the lookup of a plain condition."""
    return _known_column(model, name) if _is_plain(value) else None


def _known_column(model: Any, name: str) -> tuple[Any, Any] | None:
    key = (model, name)
    if key not in _columns:
        _columns[key] = _plain_column(*key)
    return _columns[key]


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


def _objects(self: Any) -> Iterator[Any]:
    """The objects that a remembered statement finds, without deriving its shape again."""
    of = self.queryset
    compiler = of.query.get_compiler(using=of.db)
    if self.chunked_fetch or of._known_related_objects or (found := compiler.objects()) is None:
        return _the_long_way.objects(self)
    return found


def _get(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The one object, without copying the query once more to take its order away."""
    if not args and kwargs and (one := _one_by_columns(self, kwargs)) is not None:
        return one
    query = self.query
    if query.combinator or query.select_for_update or query.distinct_fields or not query.can_filter():
        return _the_long_way.get(self, *args, **kwargs)
    of = self.filter(*args, **kwargs)
    of.query.clear_ordering(force=True, clear_default=False)
    of.query.add_ordering()
    of.query.set_limits(high=MAX_GET_RESULTS)
    found = list(of)
    name = self.model._meta.object_name
    if not found:
        raise self.model.DoesNotExist(f"{name} matching query does not exist.")
    if len(found) > 1:
        raise self.model.MultipleObjectsReturned(f"get() returned more than one {name}")
    return found[0]


def _one_by_columns(of: Any, conditions: dict[str, Any]) -> Any:
    """The one row of a table with such values, by a remembered statement; None for the longer way."""
    query, key = of.query, (of.model, *conditions)
    if (
        of._result_cache is not None
        or query.where.children
        or query.annotations
        or query.is_sliced
        or query.combinator
        or query.select_related
        or query.select_for_update
        or query.distinct
        or query.deferred_loading != (frozenset(), True)
        or of._iterable_class is not ModelIterable
        or of._known_related_objects
        or of._prefetch_related_lookups
    ):
        return None
    columns = [_known_column(of.model, name) for name in conditions]
    if None in columns or any(LOOKUP_SEP in name for name in conditions):
        return None
    connection = connections[of.db]
    if not all(type(value) in PLAIN_VALUES for value in conditions.values()):
        return None
    values = [
        field.get_db_prep_value(value, connection)
        for (field, _), value in zip(columns, conditions.values(), strict=True)  # type: ignore[misc]
    ]
    if key not in _ones:
        _ones[key] = _statement_for_one(of, conditions, values)
    if _ones[key] is None:
        return None
    sql, make = _ones[key]
    rows = connection.run(sql, values).fetchall()
    return make(rows[0], connection) if len(rows) == 1 else _none_or_many(of.model, rows)


def _statement_for_one(of: Any, conditions: dict[str, Any], values: list[Any]) -> Any:
    """The statement that the longer way would run, and how a row of it becomes an object."""
    found = of.filter(**conditions)
    found.query.clear_ordering(force=True, clear_default=False)
    found.query.add_ordering()
    found.query.set_limits(high=MAX_GET_RESULTS)
    compiler = found.query.get_compiler(using=of.db)
    sql, params = compiler.as_sql()
    if list(params) != values:
        return None
    columns = [column[0] for column in compiler.select]
    converters = compiler.get_converters(columns)
    names, model, alias = [column.target.attname for column in columns], of.model, of.db

    def make(row: Any, connection: Any) -> Any:
        cells = list(row)
        for place, (steps, expression) in converters.items():
            for step in steps:
                cells[place] = step(cells[place], expression, connection)
        return object_of(model, alias, names, cells)

    return sql, make


def _none_or_many(model: Any, rows: list[Any]) -> Any:
    name = model._meta.object_name
    if rows:
        raise model.MultipleObjectsReturned(f"get() returned more than one {name}")
    raise model.DoesNotExist(f"{name} matching query does not exist.")


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
