"""Records that differ from Slant's documents: each an operation `show` of the sandbox, without its id.

The first come from public reports about other integrations; the others are similar.
"""

from typing import Any

Odd = dict[str, Any]


def _set(**fields: Any) -> Odd:
    return {"set": fields}


# Unreadable fields of a deal, by their place. The deal itself still has its id.
ODD_DEALS: dict[str, tuple[str, Odd]] = {
    "value with cents": ("value", _set(value=1234.5)),
    "value as text": ("value", _set(value="5000")),
    "value true": ("value", _set(value=True)),
    "value 2^63": ("value", _set(value=9223372036854775808)),
    "value as an object": ("value", _set(value={"amount": 5000, "currency": "USD"})),
    "value beyond a double": ("value", _set(value=10**400)),
    "probability 101": ("probability", _set(probability=101)),
    "probability -5": ("probability", _set(probability=-5)),
    "probability as text": ("probability", _set(probability="55%")),
    "close soon": ("target_close_date", _set(target_close_date="soon")),
    "close past the last year": ("target_close_date", _set(target_close_date="9999-12-31T23:30:00-11:00")),
    "close as a number": ("target_close_date", _set(target_close_date=1764460800)),
    "half a pair": ("name", _set(name="Half \ud83d")),
    "name a number": ("name", _set(name=7)),
    "no name": ("name", {"unset": ["name"]}),
    "no stage": ("pipeline_stage", {"unset": ["pipeline_stage"]}),
    "stage null": ("pipeline_stage", _set(pipeline_stage=None)),
    "stage without id": ("pipeline_stage.id", _set(pipeline_stage={"name": "Qualified"})),
    "pipeline a text": ("pipeline", _set(pipeline="pl_newbiz")),
    "owner a text": ("assigned_to", _set(assigned_to="u_1")),
    "owner's name a number": (
        "assigned_to.first_name",
        _set(assigned_to={"id": "u_9xw20c", "first_name": 7, "last_name": "Okafor"}),
    ),
    "book a number": ("book_id", _set(book_id=7)),
    "household an object": ("household_id", _set(household_id={"id": "hh_okonkwo", "ssn": "***-**-1234"})),
    "fields a list": ("custom_fields", _set(custom_fields=[1, 2])),
    "changed yesterday": ("updated_at", _set(updated_at="yesterday")),
    "made never": ("created_at", _set(created_at=False)),
}
# Deals without an id that can be requested.
ODD_IDS: dict[str, Odd] = {
    "null": {"replace": None},
    "a list": {"replace": [1, "Okonkwo"]},
    "a text": {"replace": "Okonkwo rollover"},
    "a number": {"replace": 7},
    "an empty object": {"replace": {}},
    "no id": {"unset": ["id"]},
    "an id of 300 characters": _set(id="x" * 300),
    "a number for an id": _set(id=7),
    "an id that is empty": _set(id=""),
    "half a pair in the id": _set(id="op_\udc00"),
}
