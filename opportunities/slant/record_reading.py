"""Reading a record that differs from Slant's documents: readable fields are read, the others are unknown.

A field that cannot be read gets its placeholder, and the record keeps the field's raw form under its place
(`record.unreadable`). A record is never dropped because of one unreadable field. Without a usable id it can
be named only by its place in a list. It is kept beside the others, because a skipped record would count as
proven absent.

**Content of a raw form.** One scalar value, shortened. For an object or a list it says only that it was one,
because either may hold a household's private data (Slant API 7.10).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from opportunities.slant.record_types import WHOLE_RECORD, SlantRecord

LONGEST_RAW = 200
LONGEST_NUMBER = 400  # digits; Python refuses to read more than 4300
WITHOUT_ID = "without-id:"
NOTHING = "nothing"

Model = TypeVar("Model", bound=SlantRecord)
Json = dict[str, Any]


def load_json(body: bytes) -> Any:
    """The JSON of a body. Raises ValueError.

    Bytes that are not UTF-8 become lone surrogates, so that they make only one text unreadable and not the
    body.
    """
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"), parse_int=_whole_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_leniently(model: type[Model], raw: Any) -> Model:
    """`raw` as a record, with the places that cannot be read in `unreadable`. Never raises."""
    unreadable: dict[str, str] = {} if isinstance(raw, dict) else {WHOLE_RECORD: _kind_of(raw)}
    plain_fields = _plain_fields(model, raw if isinstance(raw, dict) else {}, unreadable)
    lists = {name: plain_fields[name] for name in model.lists if isinstance(plain_fields.get(name), list)}
    plain_fields |= {name: [] for name in lists}
    placeholders: Json = {}
    while (wrong := _mistakes(model, plain_fields | placeholders)) is not None:
        for place in wrong:
            if place[0] in plain_fields:
                _take_out(plain_fields, place, unreadable)
            else:
                placeholders[place[0]] = model.placeholders[place[0]].json
                _note(unreadable, place[0], NOTHING)
    record = model.model_validate_json(json.dumps(plain_fields | placeholders))
    record = record.model_copy(update={name: model.placeholders[name].value for name in placeholders})
    for name, items in lists.items():
        record = record.with_list(name, [read_leniently(model.lists[name], item) for item in items])
    record.unreadable.update(unreadable)
    return record


def identify(record: Model, raw: Any, *, before: str, after: str, page: int) -> Model:
    """Give `record`, which has no usable id, a key made from its content, or else from the ids of its
    neighbours. The key is the same while the record is.

    So a record from before a submission was sent is not mistaken for the one that the submission made.
    """
    contents: list[Any]
    if isinstance(raw, dict):
        contents = [record.model_dump(mode="json", exclude={"id"}), dict(record.unreadable)]
    else:
        contents = [_kind_of(raw), before, after, 0 if before or after else page]
    digest = hashlib.sha256(json.dumps(contents).encode()).hexdigest()
    return record.model_copy(update={"id": f"{WITHOUT_ID}{digest[:32]}"})


def assign_number(record: Model, keyed_records: Mapping[str, Model]) -> Model:
    """`record`, with a number in its key if `keyed_records` has the key already.

    So equal records of a page are all counted.
    """
    key, count = record.id, 1
    while key in keyed_records:
        count += 1
        key = f"{record.id}-{count}"
    return record if key == record.id else record.model_copy(update={"id": key})


def describe_unreadable(record: SlantRecord) -> str:
    """The places that cannot be read, including those of the records in its lists, without their content."""
    inner = [item for field in record.list_fields() for item in getattr(record, field)]
    places = [place or "the whole record" for place in record.unreadable]
    places += [
        inner_places for item in (*inner, *record.without_id) if (inner_places := describe_unreadable(item))
    ]
    return ", ".join(places)


def raw_form(value: Any) -> str:
    """A value as Slant sent it: a scalar as JSON, shortened; for any other value only its kind."""
    if isinstance(value, dict | list):
        return _kind_of(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "a number out of range"
    text = json.dumps(value)
    return text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}…"


def _kind_of(value: Any) -> str:
    """The kind of a value, without its content."""
    kinds = ((dict, "an object"), (list, "a list"), (str, "a text"), (type(None), "null"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "a number")


def _plain_fields(model: type[SlantRecord], raw: Json, unreadable: dict[str, str]) -> Json:
    """The fields that `model` reads, without lone surrogates and endless nesting."""
    plain_fields: Json = {}
    for name in _names(model):
        if name not in raw:
            continue
        if name in model.lists and isinstance(raw[name], list):
            plain_fields[name] = raw[name]
            continue
        try:
            plain_fields[name] = from_json(json.dumps(raw[name]))
        except (ValueError, RecursionError):
            _note(unreadable, name, raw_form(raw[name]))
    return plain_fields


def _mistakes(model: type[SlantRecord], plain_fields: Json) -> list[tuple[str, ...]] | None:
    """The wrong places, as names of objects within objects; None if there are none."""
    try:
        model.model_validate_json(json.dumps(plain_fields))
    except ValidationError as problem:
        validation_errors = problem.errors(include_url=False, include_context=False, include_input=False)
        return [_names_of(error["loc"]) for error in validation_errors]
    return None


def _names_of(loc: Iterable[int | str]) -> tuple[str, ...]:
    """The names at the beginning of a place, up to the first list."""
    names: list[str] = []
    for part in loc:
        if not isinstance(part, str):
            break
        names.append(part)
    return tuple(names)


def _take_out(plain_fields: Json, place: tuple[str, ...], unreadable: dict[str, str]) -> None:
    """Remove the value at `place`, or the innermost object that lacks it."""
    spot, value = plain_fields, plain_fields[place[0]]
    holder, name = spot, place[0]
    for part in place[1:]:
        if not isinstance(value, dict) or part not in value:
            _note(unreadable, ".".join(place), NOTHING)
            break
        holder, name, value = value, part, value[part]
    del holder[name]
    _note(unreadable, ".".join(place), raw_form(value))


def _note(unreadable: dict[str, str], place: str, raw: str) -> None:
    """Keep the raw form of a place, unless a place within it or the whole record is kept already."""
    if WHOLE_RECORD in unreadable or place in unreadable:
        return
    if not any(noted_place.startswith(f"{place}.") for noted_place in unreadable):
        unreadable[place] = raw


def _names(model: type[SlantRecord]) -> list[str]:
    """The names under which Slant sends the fields of `model`."""
    return [str(field.validation_alias or name) for name, field in model.model_fields.items()]


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_NUMBER else math.inf
