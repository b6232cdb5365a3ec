"""The statement of a chain of calls: written once by Django, with values that stand nowhere else in it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet, FieldError, FullResultSet
from django.db.models import Q, QuerySet
from django.db.models.enums import Choices
from django.db.models.expressions import Col
from django.db.models.manager import BaseManager
from django.db.models.query import MAX_GET_RESULTS, FlatValuesListIterable, ModelIterable, ValuesListIterable
from django.db.models.sql import UpdateQuery

from tests.faults.compiler import NotPlain, object_of

# Calls whose values are compared with columns. Of any other call everything is shape.
COMPARING = frozenset(("filter", "exclude"))
PREPARED: dict[type, Callable[[Any, Any], Any]] = {
    str: lambda value, ops: value,
    int: lambda value, ops: value,
    UUID: lambda value, ops: value.hex,
    datetime: lambda value, ops: ops.adapt_datetimefield_value(value),
    date: lambda value, ops: ops.adapt_datefield_value(value),
}
MARKED_FROM = datetime(1911, 1, 1, tzinfo=UTC)
get_queryset_in_full = BaseManager.get_queryset


def _mark(kind: type, number: int) -> Any:
    """A value of `kind` that stands nowhere else in a statement."""
    if kind is str:
        return f"mark {number}"
    if kind is int:
        return 20_001 + number
    if kind is UUID:
        return UUID(int=2**100 + number)
    return MARKED_FROM + timedelta(days=number) if kind is datetime else date(1911, 1, 1 + number)


class QueryCalls:
    """Calls that build a query set: their shape as a number, and the values that are no part of it."""

    __slots__ = ("_built", "_calls", "_manager", "_number", "_values")

    def __init__(self, manager: Any, number: int, calls: Any, values: list[Any]) -> None:
        self._manager, self._number, self._calls, self._values = manager, number, calls, values
        self._built: Any = None


def build(manager: Any, calls: Any) -> Any:
    query = get_queryset_in_full(manager)
    for name, args, kwargs in calls:
        query = getattr(query, name)(*args, **kwargs)
    return query


def shape_value(value: Any, values: list[Any]) -> Any:
    """What of a compared value decides the statement; the rest of it goes to `values`."""
    kind = type(value)
    if kind in PREPARED:
        values.append(value)
        return kind
    if value is None or kind is bool:
        return value
    if isinstance(value, Choices):
        values.append(value.value)
        return type(value.value)
    if kind is Q:
        children = tuple(
            (child[0], shape_value(child[1], values)) if type(child) is tuple else shape_value(child, values)
            for child in value.children
        )
        return (Q, value.connector, value.negated, children)
    if kind in (list, tuple, set, frozenset) and value:
        return (list, tuple(shape_value(one, values) for one in value))
    if isinstance(value, QueryCalls) and value._built is None:
        values.extend(value._values)
        return (QueryCalls, value._number)
    raise NotPlain


# Learning a statement


def learn(chain: QueryCalls, write: Callable[[Any], Any], connection: Any) -> Any:
    """The statement of a shape, where its values go, and how a row becomes an object. None if not plain."""
    marks: list[Any] = []
    try:
        sql, params, make = write(build(chain._manager, _marked_calls(chain, marks)))
    except (NotPlain, EmptyResultSet, FullResultSet, FieldError, ValueError, TypeError):
        return None
    prepared = [PREPARED[type(mark)](mark, connection.ops) for mark in marks]
    places = []
    for param in params:
        found = [number for number, one in enumerate(prepared) if type(one) is type(param) and one == param]
        places.append((True, found[0]) if found else (False, param))
    used = [place for known, place in places if known]
    if len(set(used)) != len(marks) or len(set(map(repr, prepared))) != len(marks):
        return None
    return sql, places, make


def _marked_calls(chain: QueryCalls, marks: list[Any]) -> list[Any]:
    return [
        (name, *_with_marks(args, kwargs, marks)) if name in COMPARING else (name, args, kwargs)
        for name, args, kwargs in chain._calls
    ]


def _with_marks(args: Any, kwargs: dict[str, Any], marks: list[Any]) -> Any:
    return (
        [_marked(one, marks) for one in args],
        {key: _marked(value, marks) for key, value in sorted(kwargs.items())},
    )


def _marked(value: Any, marks: list[Any]) -> Any:
    kind = type(value.value) if isinstance(value, Choices) else type(value)
    if isinstance(value, QueryCalls):
        return build(value._manager, _marked_calls(value, marks))
    if kind in PREPARED:
        marks.append(_mark(kind, len(marks)))
        return marks[-1]
    if kind is Q:
        children = [
            (child[0], _marked(child[1], marks)) if type(child) is tuple else _marked(child, marks)
            for child in value.children
        ]
        made = Q(*children, _connector=value.connector, _negated=value.negated)
        made.children = children
        return made
    return [_marked(one, marks) for one in value] if kind in (list, tuple, set, frozenset) else value


def write_rows(query: QuerySet[Any]) -> Any:
    compiler: Any = query.query.get_compiler(using=query.db)
    sql, params = compiler.as_sql()
    return sql, params, _maker(query, compiler)


def write_first(query: QuerySet[Any]) -> Any:
    return write_rows((query if query.ordered else query.order_by("pk"))[:1])


def write_get(query: QuerySet[Any]) -> Any:
    if query.query.distinct or not query.query.can_filter():
        raise NotPlain
    of = query.all()
    of.query.clear_ordering(force=True, clear_default=False)
    of.query.add_ordering()
    of.query.set_limits(high=MAX_GET_RESULTS)
    return write_rows(of)


def write_update(fields: Any, query: QuerySet[Any]) -> Any:
    if query.query.is_sliced:
        raise NotPlain
    changed = query.query.chain(UpdateQuery)
    changed.add_update_fields([(field, None, value) for field, value in fields])
    sql, params = changed.get_compiler(using=query.db).as_sql()
    return sql, params, None


def write_exists(query: QuerySet[Any]) -> Any:
    sql, params = query.query.exists().get_compiler(using=query.db).as_sql()
    return sql, params, None


def _only_cell(cells: list[Any]) -> Any:
    return cells[0]


def _maker(query: Any, compiler: Any) -> Callable[[Any, Any], Any]:
    """How a row becomes what the query set yields."""
    columns = [column[0] for column in compiler.select]
    if (
        query.query.select_related
        or query._prefetch_related_lookups
        or query.query.annotations
        or compiler.has_extra_select
        or not all(type(column) is Col for column in columns)
    ):
        raise NotPlain
    converters = list(compiler.get_converters(columns).items())
    if query._iterable_class is ModelIterable:
        model, alias = query.model, query.db
        names = [column.target.attname for column in columns]
        build: Any = partial(object_of, model, alias, names)
    elif query._iterable_class is FlatValuesListIterable:
        build = _only_cell
    elif query._iterable_class is ValuesListIterable:
        build = tuple
    else:
        raise NotPlain

    def make(row: Any, connection: Any) -> Any:
        cells = list(row)
        for place, (steps, expression) in converters:
            for step in steps:
                cells[place] = step(cells[place], expression, connection)
        return build(cells)

    return make
