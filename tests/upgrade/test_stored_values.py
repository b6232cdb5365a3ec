"""What a used database holds as codes is still what the code says: the chain vouches for the old words.

Renamed in the code, a stored value would read as something unknown, or as nothing at all. Add new values;
never rename one.
"""

import ast
from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.db.models import Model

from opportunities.models import (
    Alert,
    AuditEvent,
    BookRole,
    Draft,
    Hold,
    Lease,
    Member,
    Outcome,
    Person,
    Role,
    State,
    Submission,
    SyncState,
)
from opportunities.wording import trail as trail_words
from tests.support.environment import ROOT
from tests.upgrade.conftest import Used

# Words for a code prove nothing about who writes it, and the sandbox is the other side.
LEFT_OUT = tuple(ROOT / "opportunities" / room for room in ("wording", "migrations", "sandbox"))
READS = {"get", "pop", "setdefault", "startswith", "removeprefix"}


def values(model: type[Model], field: str) -> set[str]:
    return set(model._default_manager.values_list(field, flat=True)) - {""}


@cache
def nodes() -> tuple[ast.AST, ...]:
    """The product as it is parsed."""
    paths = [path for room in ("opportunities", "slantweb") for path in (ROOT / room).rglob("*.py")]
    ours = [path for path in paths if not any(map(path.is_relative_to, LEFT_OUT))]
    return tuple(node for path in ours for node in ast.walk(ast.parse(path.read_text())))


@cache
def written() -> frozenset[str]:
    """Every text the product hands to a call, returns, or keeps under a name; not what it only compares."""
    return frozenset(text for node in nodes() for value in _given(node) for text in _plain(value))


@cache
def reasons() -> frozenset[str]:
    """Those among them that are the reason for a state: of `Reason(...)`, or a constant's value."""
    found: set[str] = set()
    for node in nodes():
        match node:
            case ast.Call(func=ast.Name(id="Reason") | ast.Attribute(attr="Reason"), args=[code, *_]):
                found.update(_plain(code))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
                found.update(_plain(value))
            # One that is chosen first and named by its variable.
            case ast.Assign(targets=[ast.Name(id="code")], value=value):
                found.update(_plain(value))
    return frozenset(found)


def _given(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in READS:
            return []
        case ast.Call(args=args, keywords=keywords):
            return [*args, *(keyword.value for keyword in keywords)]
        case ast.Assign(value=value) | ast.Return(value=ast.expr() as value):
            return [value]
        case ast.AnnAssign(value=ast.expr() as value):
            return [value]
    return []


def _plain(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from _plain(one)
            yield from _plain(other)
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            for part in parts:
                yield from _plain(part)
        case ast.Dict(keys=keys):
            for key in keys:
                if key is not None:
                    yield from _plain(key)


def test_every_event_has_its_sentence(used: Used) -> None:
    stored = values(AuditEvent, "action")

    assert stored - set(trail_words.SENTENCES) == set()
    # What this fixture is worth: few events are not in it.
    assert len(set(trail_words.SENTENCES) - stored) < 5


def test_every_choice_is_one_of_the_choices(used: Used) -> None:
    """State, kind, outcome, actor, meaning: whichever model has a field with choices."""
    seen = set()
    for model in apps.get_app_config("opportunities").get_models():
        for field in model._meta.concrete_fields:
            if field.choices:
                seen.add(field.name)
                assert values(model, field.name) <= {value for value, _ in field.choices}, (
                    f"{model}.{field.name}"
                )

    assert seen >= {"state", "kind", "outcome", "actor_type", "meaning"}
    assert values(Submission, "state") == set(State.values)
    assert values(AuditEvent, "outcome") >= set(State.values)
    assert len(set(Outcome.values) - values(Submission, "attempts__outcome")) < 2


def test_every_role_is_one_there_is(used: Used) -> None:
    people = {role for roles in Person.objects.values_list("roles", flat=True) for role in roles}
    then = {role for roles in AuditEvent.objects.values_list("actor_roles", flat=True) for role in roles}

    assert people == then == set(Role.values)
    assert values(Member, "role") == set(BookRole.values)


def test_every_reason_of_a_state_is_still_given(used: Used) -> None:
    events = AuditEvent.objects.filter(action__startswith="submission.").values_list("reason_code", flat=True)
    stored = set(events) | values(Submission, "reason_code") | values(Hold, "code")

    assert stored - {""} - reasons() == set()
    assert len(stored) > 20


def test_every_other_code_is_still_written(used: Used) -> None:
    prefixes = {text.partition(":")[0] for text in written()}
    stored = {
        "reason of an event": values(AuditEvent, "reason_code"),
        "outcome of an event": values(AuditEvent, "outcome") - set(State.values),
        "object of an event": values(AuditEvent, "object_type"),
        "alert": {cause.partition(":")[0] for cause in values(Alert, "cause")},
        "lease": values(Lease, "name"),
        "draft": values(Draft, "form"),
        "resource": values(SyncState, "resource"),
    }

    gone = {what: sorted(codes - written() - prefixes) for what, codes in stored.items()}

    assert all(stored.values())
    assert gone == {what: [] for what in stored}
