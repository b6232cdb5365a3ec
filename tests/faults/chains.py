"""Query sets that are not built: the calls that would build one are kept, and its statement is remembered.

Most of the time of a history went into building the same few hundred query sets again and again. A chain
keeps the calls (`filter`, `exclude`, `order_by` ...) as a shape, and their plain values apart. `statements`
has the statement of each shape written once. What is not plain is built as always, so the actions and the
statements stay what they are.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet

from tests.faults.compiler import NotPlain
from tests.faults.statements import (
    COMPARING,
    PREPARED,
    QueryCalls,
    build,
    get_queryset_in_full,
    learn,
    shape_value,
    write_exists,
    write_first,
    write_get,
    write_rows,
    write_update,
)

# The shapes, each under a number of its own, so that a longer one is its parent's number and one call.
_numbers: dict[Any, int] = {}
_statements: dict[tuple[int, str], Any] = {}


def get_queryset(self: Any) -> Any:
    """Of a model's own manager a chain. A related one knows more than its calls."""
    if hasattr(self, "instance") or self.name == "_base_manager" or self._db is not None or self._hints:
        return get_queryset_in_full(self)
    return Chain(self, _number_of(0, (self.model, self._queryset_class)), (), [])


def _number_of(parent: int, call: Any) -> int:
    key = (parent, call)
    number = _numbers.get(key)
    if number is None:
        number = _numbers[key] = len(_numbers) + 1
    return number


class Chain(QueryCalls):
    """Stands where a query set stands. What it cannot do itself, the query set does."""

    __slots__ = ("_for_write", "_found")

    def __init__(self, manager: Any, number: int, calls: Any, values: list[Any]) -> None:
        super().__init__(manager, number, calls, values)
        self._found: list[Any] | None = None

    def built(self) -> Any:
        if self._built is None:
            self._built = build(self._manager, self._calls)
        return self._built

    def __getattr__(self, name: str) -> Any:
        if name == "keys":  # what `dict` asks for; no query set has it
            raise AttributeError(name)
        own = getattr(self._manager._queryset_class, name, None)
        if callable(own) and not own.__module__.startswith("django."):
            return partial(own, self)
        return getattr(self.built(), name)

    def _longer(self, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        if self._built is not None:
            return getattr(self._built, name)(*args, **kwargs)
        values = list(self._values)
        items = sorted(kwargs.items()) if name in COMPARING else kwargs.items()
        try:
            if name in COMPARING:
                call = (
                    name,
                    tuple(shape_value(one, values) for one in args),
                    tuple((key, shape_value(value, values)) for key, value in items),
                )
            else:
                call = (name, args, tuple(items))
            number = _number_of(self._number, call)
        except (NotPlain, TypeError):
            return getattr(self.built(), name)(*args, **kwargs)
        return Chain(self._manager, number, (*self._calls, (name, args, kwargs)), values)

    def filter(self, *args: Any, **kwargs: Any) -> Any:
        return self._longer("filter", args, kwargs)

    def exclude(self, *args: Any, **kwargs: Any) -> Any:
        return self._longer("exclude", args, kwargs)

    def order_by(self, *args: Any) -> Any:
        return self._longer("order_by", args, {})

    def values_list(self, *args: Any, **kwargs: Any) -> Any:
        return self._longer("values_list", args, kwargs)

    def values(self, *args: Any) -> Any:
        return self._longer("values", args, {})

    def defer(self, *args: Any) -> Any:
        return self._longer("defer", args, {})

    def only(self, *args: Any) -> Any:
        return self._longer("only", args, {})

    def distinct(self) -> Any:
        return self._longer("distinct", (), {})

    def select_for_update(self, **kwargs: Any) -> Any:
        return self._longer("select_for_update", (), kwargs)

    def all(self) -> Any:
        return self._longer("all", (), {})

    # What is asked of the database

    def _run(self, kind: str, write: Callable[[Any], Any], first: Sequence[Any] = ()) -> Any:
        """The rows of the statement of `kind`, and what makes objects of them."""
        connection = connections["default"]
        statement = _statements.get((self._number, kind), False)
        if statement is False:
            statement = _statements[self._number, kind] = learn(self, write, connection)
        if statement is None:
            raise NotPlain
        sql, places, make = statement
        ops = connection.ops
        prepared = [PREPARED[type(value)](value, ops) for value in self._values]
        # What an update sets stands first.
        params = [*first, *(prepared[place] if known else place for known, place in places[len(first) :])]
        return connection.run(sql, params), make

    def _all(self) -> list[Any]:
        if self._found is None:
            if self._built is not None:
                return list(self._built)
            try:
                cursor, make = self._run("rows", write_rows)
            except NotPlain:
                return list(self.built())
            connection = connections["default"]
            self._found = [make(row, connection) for row in cursor.fetchall()]
        return self._found

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __bool__(self) -> bool:
        return bool(self._all())

    def __getitem__(self, place: Any) -> Any:
        return self.built()[place] if self._found is None else self._found[place]

    def __or__(self, other: Any) -> Any:
        return self.built() | (other.built() if isinstance(other, Chain) else other)

    def __and__(self, other: Any) -> Any:
        return self.built() & (other.built() if isinstance(other, Chain) else other)

    def first(self) -> Any:
        if self._found is not None or self._built is not None:
            return self.built().first()
        try:
            cursor, make = self._run("first", write_first)
        except NotPlain:
            return self.built().first()
        rows = cursor.fetchall()
        return make(rows[0], connections["default"]) if rows else None

    def exists(self) -> bool:
        if self._found is not None:
            return bool(self._found)
        try:
            cursor, _ = self._run("exists", write_exists)
        except NotPlain:
            return bool(self.built().exists())
        return cursor.fetchone() is not None

    def get(self, *args: Any, **kwargs: Any) -> Any:
        chain = self.filter(*args, **kwargs) if args or kwargs else self
        if not isinstance(chain, Chain):
            return self.built().get(*args, **kwargs)
        try:
            cursor, make = chain._run("get", write_get)
        except NotPlain:
            return self.built().get(*args, **kwargs)
        rows, model = cursor.fetchall(), self._manager.model
        name = model._meta.object_name
        if not rows:
            raise model.DoesNotExist(f"{name} matching query does not exist.")
        if len(rows) > 1:
            raise model.MultipleObjectsReturned(f"get() returned more than one {name}")
        return make(rows[0], connections["default"])

    def get_or_create(self, defaults: Any = None, **kwargs: Any) -> Any:
        return QuerySet.get_or_create(self, defaults, **kwargs)  # type: ignore[arg-type]

    def in_bulk(self, ids: Any) -> dict[Any, Any]:
        ids = tuple(ids)
        return {found.pk: found for found in self.filter(pk__in=ids)} if ids else {}

    def update(self, **kwargs: Any) -> int:
        connection, meta = connections["default"], self._manager.model._meta
        fields = [(meta.get_field(name), value) for name, value in kwargs.items()]
        stored, kind = [], ["update"]
        for field, value in fields:
            if field.is_relation or hasattr(value, "resolve_expression"):
                return int(self.built().update(**kwargs))
            one = field.get_db_prep_save(value, connection=connection)
            if hasattr(one, "as_sql"):
                return int(self.built().update(**kwargs))
            kind += [field.name, "null" if one is None else ""]
            stored += [] if one is None else [one]
        try:
            with transaction.mark_for_rollback_on_error(using="default"):
                cursor, _ = self._run(" ".join(kind), partial(write_update, fields), stored)
        except NotPlain:
            return int(self.built().update(**kwargs))
        return int(cursor.rowcount)
