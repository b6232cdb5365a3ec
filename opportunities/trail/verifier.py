"""Check an export of Slantweb's audit trail without Slantweb: `python3 verifier.py EXPORT [--key KEY]`.

EXPORT is an `events.jsonl`, a folder or a ZIP made by `export_audit` or by the page "Audit trail". Nothing
but this file and Python 3.8 or newer is needed. It tells whether every event is as it was written, whether
any is missing, and which signed checkpoint vouches for it. How it all hangs together is in docs/audit.md of
the application:

* Each line is the canonical JSON of what it says, byte for byte, so that all who read it read the same.
* An event's hash is SHA-256(0x00 || canonical JSON of all its other fields, `prev_hash` and `seq` among
  them), so each event vouches for all before it.
* A checkpoint states, signed with Ed25519 (RFC 8032), the hash of event `last_seq` and the Merkle root (RFC
  6962, but for the leaves, which are the events' hashes) of the events since the checkpoint before. A proof
  leads from an event to that root, so that a part of the trail can be checked without the rest.

* The manifest that ends an export says what was asked for, when, and how many events that gave. The worker
  signs it; where it is not signed, it is the export's own word, which `--signed` refuses. A signed note says
  which events were moved to a file.

`--key` is the public key you were given apart from the export (hexadecimal, or a file of such lines); without
it the key named in the checkpoints is used, and you are told to compare it. `--checkpoints` is a folder of
checkpoints and notes kept apart. `--whole` says that you asked for all events, whatever the export says of
itself: it must begin at event 1, or where a signed note says that the events before were moved to a file,
miss none, and reach every checkpoint of that folder. Exit codes: 0 good, 1 an event was altered, 2 events are
missing or repeated, 3 the export does not reach a checkpoint it must reach, 4 a signature cannot be believed
or is missing, 6 the export cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Iterable, Iterator, NamedTuple, Sequence  # noqa: UP035 - Python 3.8 may have to run this

GOOD, ALTERED, MISSING, BEHIND, UNBELIEVABLE, UNREADABLE = 0, 1, 2, 3, 4, 6
NO_HASH = "0" * 64
FORMAT = "slantweb-trail/1"

if TYPE_CHECKING:
    Event = dict[str, Any]
    # Extended coordinates: X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z.
    _Point = tuple[int, int, int, int]


# The chain

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def canonical(value: Event) -> bytes:
    """Canonical JSON (after RFC 8785): sorted keys, no spaces, ASCII; there are no floats to normalise."""
    return _encode(value).encode()


def parse(text: bytes | str) -> Any:
    """The JSON value in `text`. Raises ValueError for a key that comes twice, and for floats.

    A reader who takes the first of two keys would see another event than the one whose hash fits.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float)
    except RecursionError as problem:
        raise ValueError("nested too deep") from problem


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key comes twice")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is no number of the trail")


def parsed_line(line: bytes) -> Event:
    """The object in a line of an `events.jsonl`. Raises ValueError unless the line is its canonical form."""
    content = parse(line)
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    if canonical(content) + b"\n" != line:
        raise ValueError("it is not in canonical form")
    return content


def event_hash(event: Event) -> str:
    """The hash an event must have; `event` with or without its `hash`."""
    bare = dict(event)
    bare.pop("hash", None)
    return hashlib.sha256(b"\x00" + canonical(bare)).hexdigest()


class Problem(NamedTuple):
    """What is wrong: an exit code, the first sequence number it is about (0: none), and a sentence."""

    code: int
    seq: int
    words: str


class Chain:
    """Follows events in the order of their numbers and stops at the first that is wrong.

    `seq` and `hash` are those of the last good event. With `whole` every number must follow the one before.
    """

    def __init__(self, seq: int = 0, hash: str = NO_HASH, *, whole: bool = True) -> None:
        self.seq, self.hash, self.whole = seq, hash, whole

    def follow(self, event: Event) -> Problem | None:
        seq = event.get("seq")
        if type(seq) is not int:  # not True either
            return Problem(ALTERED, self.seq + 1, f"The event after {self.seq} has no number.")
        if seq <= self.seq:
            return Problem(MISSING, seq, f"Event {seq} comes again, or out of order, after {self.seq}.")
        if seq > self.seq + 1 and self.whole:
            missing = f"{self.seq + 1}" if seq == self.seq + 2 else f"{self.seq + 1} to {seq - 1}"
            return Problem(MISSING, self.seq + 1, f"Missing: {missing}.")
        if event_hash(event) != event.get("hash"):
            return Problem(ALTERED, seq, f"Event {seq} is not what its hash was made of.")
        if seq == self.seq + 1 and event.get("prev_hash") != self.hash:
            return Problem(ALTERED, seq, f"Event {seq} does not follow from event {self.seq}.")
        self.seq, self.hash = seq, event["hash"]
        return None


# Merkle trees over the hashes of events (RFC 6962, 2.1)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    at = _split(len(leaves))
    return _node(_root(leaves[:at]), _root(leaves[at:]))


def merkle_root(hashes: Sequence[str]) -> str:
    return _root([bytes.fromhex(digest) for digest in hashes]).hex()


def merkle_path(hashes: Sequence[str], index: int) -> list[str]:
    """The hashes that lead from the leaf `index` to the root, nearest first."""
    leaves = [bytes.fromhex(digest) for digest in hashes]
    path: list[str] = []
    while len(leaves) > 1:
        at = _split(len(leaves))
        if index < at:
            path.append(_root(leaves[at:]).hex())
            leaves = leaves[:at]
        else:
            path.append(_root(leaves[:at]).hex())
            leaves, index = leaves[at:], index - at
    return path[::-1]


def root_by_path(leaf: str, index: int, size: int, path: Sequence[str]) -> str:
    """The root that `path` leads to from `leaf`, the one at `index` of `size`; empty when there is none."""
    if not 0 <= index < size:
        return ""
    # From the root down: on which side the leaf's part lies at each step.
    sides: list[bool] = []
    while size > 1:
        at = _split(size)
        sides.append(index >= at)
        index, size = (index - at, size - at) if index >= at else (index, at)
    if len(sides) != len(path):
        return ""
    value = bytes.fromhex(leaf)
    for right, other in zip(reversed(sides), path):  # noqa: B905 - Python 3.8 knows no strict
        value = _node(bytes.fromhex(other), value) if right else _node(value, bytes.fromhex(other))
    return value.hex()


# Ed25519, after RFC 8032, 5.1 and 6: the checking half only

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)


def _recover_x(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _SQRT_OF_MINUS_1 % _P
    if (x * x - square) % _P:
        return None
    return _P - x if (x & 1) != sign else x


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE_X = _recover_x(_BASE_Y, 0) or 0
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: _Point) -> _Point:
    result: _Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _same(p: _Point, q: _Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


def _point(text: bytes) -> _Point | None:
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def is_signed(message: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether `signature` is `public_key`'s over `message` (RFC 8032, 5.1.7)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, r = _point(public_key), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    return _same(_times(s, _BASE), _add(r, _times(h, key)))


# Checkpoints


def believed(
    envelope: Any, keys: set[str] | None = None, check: Callable[[bytes, bytes, bytes], bool] = is_signed
) -> str:
    """Empty when `envelope` ({"checkpoint": {...}, "signature": hex}) is signed by one of `keys` (None: by
    its own named key); else why it cannot be believed. `check` may be a quicker `is_signed`.
    """
    try:
        statement, signature = envelope["checkpoint"], bytes.fromhex(envelope["signature"])
        key = statement["key"]
        int(statement["last_seq"]), str(statement["last_hash"])
        if keys is not None and key not in keys:
            return f"it is signed by {key[:16]}..., which is not a key to be trusted"
        if not check(canonical(statement), signature, bytes.fromhex(key)):
            return "its signature is wrong"
    except (KeyError, TypeError, ValueError):
        return "it cannot be read"
    return ""


# One export


class Manifest(NamedTuple):
    """What an export says of itself, its signature (None: none), and the hash of the bytes before it."""

    stated: Event
    signature: Any
    sha256: str

    @property
    def says_unbroken(self) -> bool:
        """No event is left out between its days."""
        return bool(self.stated.get("whole"))

    @property
    def says_everything(self) -> bool:
        return self.says_unbroken and not self.stated.get("filters")


class Signed:
    """The checkpoints and the notes of moved events, by number: the signatures of all hold."""

    def __init__(self) -> None:
        self.checkpoints: dict[int, Event] = {}
        self.notes: dict[int, Event] = {}


class Verdict:
    """What was found. `problems` in the order found; `notes` are not problems; `origin` is when and by whom
    it was made, and on whose word.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.origin = ""
        self.count = 0
        self.vouched = 0
        self.first = self.last = 0
        self.keys: set[str] = set()

    @property
    def code(self) -> int:
        return self.problems[0].code if self.problems else GOOD


class _Run:
    """Events whose numbers follow each other: the last vouches for all."""

    def __init__(self, first: int, before: Any) -> None:
        self.first = self.last = first
        # The hash of the event before it, as its first event has it.
        self.before = before
        self.hash = ""
        # The last of its events some checkpoint vouches for.
        self.vouched = first - 1


def verify(
    lines: Iterable[bytes],
    keys: set[str] | None = None,
    kept_apart: Iterable[Any] = (),
    *,
    whole: bool = False,
    signed: bool = False,
) -> Verdict:
    """Check the lines of an `events.jsonl`. `kept_apart` are checkpoints and notes (envelopes) from another
    place.

    With `whole` all events were asked for: nothing the manifest says makes it less. It begins at event 1 or
    after a signed note, misses none, and reaches every checkpoint kept apart. With `signed` an unsigned
    manifest is not believed.
    """
    verdict = Verdict()
    reader = _Reader(lines, verdict)
    chain, runs = Chain(whole=False), []  # type: ignore[var-annotated]
    # hash by number, only where some checkpoint may ask for it: kept for all, 100 bytes an event
    hashes: dict[int, str] = {}
    for event in reader.events():
        problem = chain.follow(event) if verdict.count else _first(chain, event)
        if problem:
            verdict.problems.append(problem)
            return verdict
        if not runs or event["seq"] != runs[-1].last + 1:
            runs.append(_Run(event["seq"], event["prev_hash"]))
        runs[-1].last, runs[-1].hash = event["seq"], event["hash"]
        hashes[event["seq"]] = event["hash"]
        verdict.count += 1
    if runs:
        verdict.first, verdict.last = runs[0].first, runs[-1].last
    apart = list(kept_apart)
    _check_manifest(reader, keys, runs, verdict, whole=whole)
    if signed and not verdict.problems and reader.manifest and reader.manifest.signature is None:
        words = "Nobody signed its manifest: events may have been left out of it. Ask for one that is signed."
        verdict.problems.append(Problem(UNBELIEVABLE, 0, words))
    good = _believe([*reader.envelopes, *apart], keys, verdict)
    _check_beginning(reader, runs, good, verdict, whole=whole)
    _check_end(reader, apart, verdict, whole=whole)
    _check_checkpoints(reader, runs, hashes, good, verdict)
    return verdict


def _first(chain: Chain, event: Event) -> Problem | None:
    """The first of a part follows from an event that is not in it."""
    seq = event.get("seq")
    if isinstance(seq, int) and seq > 1:
        chain.seq, chain.hash = seq - 1, str(event.get("prev_hash"))
    return chain.follow(event)


# All that the lines which are no events may hold: what stands beside a signed statement, nobody signed.
_KINDS = {
    "manifest": {"manifest", "signature"},
    "checkpoint": {"checkpoint", "signature"},
    "proof": {"proof"},
}


class _Reader:
    """Tells the kinds of lines apart: events, checkpoints, proofs, and the manifest that ends the file."""

    def __init__(self, lines: Iterable[bytes], verdict: Verdict) -> None:
        self._lines, self._verdict = lines, verdict
        # Checkpoints, and notes of events that were moved to a file.
        self.envelopes: list[Any] = []
        self.proofs: list[Any] = []
        self.manifest: Manifest | None = None

    def events(self) -> Iterator[Event]:
        digest, ended = hashlib.sha256(), False
        for number, line in enumerate(self._lines, start=1):
            try:
                content = parsed_line(line)
            except ValueError as why:
                words = f"Line {number} of the export is not as Slantweb writes it: {why}."
                self._verdict.problems.append(Problem(ALTERED, 0, words))
                return
            if ended:
                self._verdict.problems.append(
                    Problem(ALTERED, 0, f"Line {number} stands after the manifest, which ends an export.")
                )
                return
            if any(name in content and content.keys() - allowed for name, allowed in _KINDS.items()):
                words = f"Line {number} of the export holds more than its kind of line may."
                self._verdict.problems.append(Problem(ALTERED, 0, words))
                return
            if "manifest" in content:
                stated = content["manifest"] if isinstance(content["manifest"], dict) else {}
                self.manifest, ended = Manifest(stated, content.get("signature"), digest.hexdigest()), True
            elif "checkpoint" in content:
                self.envelopes.append(content)
            elif "proof" in content:
                self.proofs.append(content["proof"])
            else:
                yield content
            digest.update(line)


def _check_manifest(
    reader: _Reader, keys: set[str] | None, runs: list[_Run], verdict: Verdict, *, whole: bool
) -> None:
    if verdict.problems:
        return
    manifest = reader.manifest
    if manifest is None:
        verdict.problems.append(
            Problem(MISSING, verdict.last + 1, "The export ends before its manifest: it was cut.")
        )
        return
    content, scope = manifest.stated, _asked_for(manifest)
    if content.get("format") != FORMAT:
        verdict.problems.append(Problem(UNREADABLE, 0, f"This is not a {FORMAT} export."))
    elif manifest.signature is not None and (why := _why_disbelieve(manifest, keys)):
        verdict.problems.append(Problem(UNBELIEVABLE, 0, f"The manifest: {why}."))
    elif content.get("count") != verdict.count:
        words = f"The manifest speaks of {content.get('count')} events, and here are {verdict.count}."
        verdict.problems.append(Problem(MISSING, 0, words))
    elif (manifest.says_unbroken or whole) and len(runs) > 1:
        after = runs[0].last
        verdict.problems.append(Problem(MISSING, after + 1, f"Missing: {after + 1} to {runs[1].first - 1}."))
    elif content.get("sha256") != manifest.sha256:
        verdict.problems.append(Problem(ALTERED, 0, "The bytes of the export are not those of its manifest."))
    elif whole and not manifest.says_everything:
        words = f"All events were asked for, and by its own words this is a part of the trail ({scope})."
        verdict.problems.append(Problem(MISSING, 0, words))
    else:
        _tell_manifest(manifest, verdict, whole=whole)


def _tell_manifest(manifest: Manifest, verdict: Verdict, *, whole: bool) -> None:
    """What the manifest says, and whether that is more than the export's own word."""
    origin = f"made at {manifest.stated.get('made_at')} by {manifest.stated.get('made_by')}"
    signed = manifest.signature is not None
    verdict.origin = (
        f"Its manifest is signed: {origin}, with all that matched then."
        if signed
        else f"By its own word, which nobody signed, {origin}."
    )
    if signed:
        verdict.keys.add(manifest.stated["key"])
    if not manifest.says_everything:
        verdict.notes.append(
            f"This is a part of the trail ({_asked_for(manifest)}): what is here is untouched; "
            "it does not say what else happened."
        )
    elif whole and not signed:
        verdict.notes.append(
            f"No signature says that the trail ended at event {verdict.last} when this was made: "
            "later events may be missing."
        )


def _asked_for(manifest: Manifest) -> str:
    filters = manifest.stated.get("filters")
    return (
        ", ".join(f"{name} {value}" for name, value in sorted(filters.items()))
        if isinstance(filters, dict)
        else ""
    )


def _why_disbelieve(manifest: Manifest, keys: set[str] | None) -> str:
    """Why the signature of a manifest does not hold; empty when it does. It signs the word "manifest" along,
    so that no manifest can be shown as a checkpoint.
    """
    key = manifest.stated.get("key")
    if keys is not None and key not in keys:
        return f"it is signed by {str(key)[:16]}..., which is not a key to be trusted"
    try:
        message = canonical({"manifest": manifest.stated})
        good = is_signed(message, bytes.fromhex(manifest.signature), bytes.fromhex(str(key)))
    except (TypeError, ValueError):
        return "its signature cannot be read"
    return "" if good else "its signature is wrong"


def _believe(envelopes: list[Any], keys: set[str] | None, verdict: Verdict) -> Signed:
    """All of `envelopes`, when the signature of each holds; of two about one number, the later counts."""
    good = Signed()
    for envelope in envelopes if not verdict.problems else ():
        why = believed(envelope, keys)
        if why:
            seq = _number(envelope)
            verdict.problems.append(Problem(UNBELIEVABLE, seq, f"The checkpoint at {seq}: {why}."))
            break
        statement = envelope["checkpoint"]
        (good.notes if statement.get("archived") else good.checkpoints)[statement["last_seq"]] = statement
        verdict.keys.add(statement["key"])
    return good


def _check_beginning(
    reader: _Reader, runs: list[_Run], good: Signed, verdict: Verdict, *, whole: bool
) -> None:
    """A whole trail begins at event 1, or where a signed note says that what was before lies in a file."""
    if (
        verdict.problems
        or verdict.first == 1
        or not (whole or (reader.manifest and reader.manifest.says_everything))
    ):
        return
    before = verdict.first - 1
    note = good.notes.get(before)
    if not runs:
        if whole:
            verdict.problems.append(Problem(MISSING, 1, "There is no event in it."))
    elif note and note["last_hash"] != runs[0].before:
        words = (
            f"Event {verdict.first} does not follow from event {before}, the last that was moved to a file."
        )
        verdict.problems.append(Problem(ALTERED, verdict.first, words))
    elif note:
        verdict.notes.append(
            f"Events up to {before} are not in it: a signed note says that they lie in a file of SHA-256 "
            f"{note.get('file_sha256')}. Check that one too."
        )
    elif whole:
        missing = "1" if before == 1 else f"1 to {before}"
        verdict.problems.append(Problem(MISSING, 1, f"Missing: {missing}."))
    else:
        verdict.notes.append(
            f"It begins at event {verdict.first}, and no signed note says where those before are."
        )


def _check_end(reader: _Reader, apart: list[Any], verdict: Verdict, *, whole: bool) -> None:
    """An export reaches the checkpoints kept apart: with `whole` all, else those from before it says it was
    made.
    """
    if verdict.problems:
        return
    beyond = [
        envelope
        for envelope in apart
        if _number(envelope) > verdict.last and not envelope["checkpoint"].get("archived")
    ]
    for envelope in beyond:
        too_new = _too_new(envelope, reader.manifest)
        if whole or not too_new:
            words = (
                f"The export ends at {verdict.last}, and a checkpoint kept apart vouches for "
                f"{_number(envelope)} events."
            )
            if too_new:
                words += (
                    f" {verdict.origin} That checkpoint is of {envelope['checkpoint'].get('time')}: if you "
                    "know for sure that it is the later, check again with only the checkpoints from before "
                    "the export."
                )
            verdict.problems.append(Problem(BEHIND, verdict.last + 1, words))
            return
    if beyond:
        verdict.notes.append(
            f"{len(beyond)} checkpoints kept apart are about later events: they were not compared."
        )


def _check_checkpoints(
    reader: _Reader, runs: list[_Run], hashes: dict[int, str], signed: Signed, verdict: Verdict
) -> None:
    if verdict.problems:
        return
    good = signed.checkpoints
    inside = {
        _number(envelope) for envelope in reader.envelopes if not envelope["checkpoint"].get("archived")
    }
    proven: dict[Any, Event] = {proof.get("seq"): proof for proof in reader.proofs if isinstance(proof, dict)}
    vouched_before = 0
    for run in runs:
        for seq in sorted(seq for seq in good if run.first <= seq <= run.last):
            if hashes[seq] != good[seq]["last_hash"]:
                since = max(vouched_before, run.first - 1) + 1
                words = (
                    f"Event {seq} is not the one its checkpoint vouches for: {since} to {seq} were rewritten."
                )
                verdict.problems.append(Problem(ALTERED, seq, words))
                return
            run.vouched = vouched_before = seq
        proof = proven.get(run.last)
        if proof and run.vouched < run.last:
            at = proof.get("checkpoint", 0)
            if not _leads(proof, run, good.get(at, {})):
                words = f"Event {run.last} is not among those the checkpoint at {at} vouches for."
                verdict.problems.append(Problem(ALTERED, run.last, words))
                return
            run.vouched = run.last
        if run.vouched < run.last and any(seq > run.last for seq in inside):
            words = f"No proof leads from event {run.last} to the checkpoint after it."
            verdict.problems.append(Problem(BEHIND, run.last, words))
            return
    verdict.vouched = sum(run.vouched - run.first + 1 for run in runs)
    if verdict.vouched < verdict.count:
        loose = next(run for run in runs if run.vouched < run.last)
        verdict.notes.append(
            f"{verdict.count - verdict.vouched} events from {loose.vouched + 1} on are newer than the newest "
            "checkpoint here: they hang together, but no signature vouches for them yet."
        )


def _too_new(envelope: Any, manifest: Manifest | None) -> bool:
    """Whether the export says that it need not reach this checkpoint: it is a part, or was made before it."""
    stated = manifest.stated if manifest else {}
    if not stated.get("whole") or "until" in (stated.get("filters") or {}):
        return True
    # To the second: the fractions are not written alike.
    return str(envelope["checkpoint"].get("time", ""))[:19] > str(stated.get("made_at", ""))[:19]


def _number(envelope: Any) -> int:
    try:
        return int(envelope["checkpoint"]["last_seq"])
    except (KeyError, TypeError, ValueError):
        return 0


def _leads(proof: Event, run: _Run, statement: Event) -> bool:
    """Whether `proof` leads from the last event of `run` to the root of `statement`."""
    try:
        first, last = statement["first_seq"], statement["last_seq"]
        if not first <= run.last <= last:
            return False
        reached = root_by_path(run.hash, run.last - first, last - first + 1, proof["path"])
    except (KeyError, TypeError, ValueError):
        return False
    return bool(reached) and reached == statement["root"]


# The command


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("export", type=Path, help="events.jsonl, or the folder or ZIP it came in")
    parser.add_argument("--key", action="append", default=[], help="a public key, or a file of them")
    parser.add_argument("--checkpoints", type=Path, help="a folder of checkpoints kept apart")
    parser.add_argument("--signed", action="store_true", help="its manifest must be signed")
    parser.add_argument("--whole", action="store_true", help="all was asked for: no event may be missing")
    options = parser.parse_args(arguments)
    try:
        keys = _keys(options.key) if options.key else None
        apart = _kept_apart(options.checkpoints) if options.checkpoints else []
        demands = {"whole": options.whole, "signed": options.signed}
        verdict = _verify_path(options.export, keys, apart, demands)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as problem:
        print(f"This cannot be read: {problem}")
        return UNREADABLE
    _report(verdict, has_keys=keys is not None)
    return verdict.code


def _report(verdict: Verdict, *, has_keys: bool) -> None:
    if verdict.problems:
        problem = verdict.problems[0]
        place = f"first bad sequence {problem.seq}: " if problem.seq else ""
        print(f"NOT GOOD: {place}{problem.words}")
        return
    span = f", {verdict.first:,} to {verdict.last:,}" if verdict.count else ""
    print(
        f"Good: {verdict.count:,} events{span}; signed checkpoints vouch for {max(verdict.vouched, 0):,} "
        "of them."
    )
    for note in [verdict.origin, *verdict.notes]:
        print(note)
    if verdict.keys and not has_keys:
        print("Signed by this key; compare it with the one you were given apart from the export:")
        print("\n".join(sorted(verdict.keys)))


def _verify_path(path: Path, keys: set[str] | None, apart: list[Any], demands: dict[str, bool]) -> Verdict:
    if path.is_dir():
        return _verify_set(lambda name: (path / name).open("rb"), keys, apart, demands)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _verify_set(archive.open, keys, apart, demands)
    with path.open("rb") as file:
        return verify(file, keys, apart, **demands)


def _verify_set(open_file: Any, keys: set[str] | None, apart: list[Any], demands: dict[str, bool]) -> Verdict:
    """A folder or ZIP: each file has the hash its manifest states, and the events are good."""
    with open_file("manifest.json") as file:
        files = parse(io.TextIOWrapper(file, "utf-8").read())["files"]
    for name, stated in sorted(files.items()):
        if "/" in name or "\\" in name or name.startswith("."):
            raise ValueError(f"the manifest names {name}")
        with open_file(name) as file:
            if _sha256(file) != stated and name != "events.jsonl":
                verdict = Verdict()
                verdict.problems.append(
                    Problem(ALTERED, 0, f"{name} is not the file the manifest speaks of.")
                )
                return verdict
    with open_file("events.jsonl") as file:
        verdict = verify(file, keys, apart, **demands)
    if not verdict.problems:
        with open_file("events.jsonl") as file:
            if _sha256(file) != files.get("events.jsonl"):
                verdict.problems.append(
                    Problem(ALTERED, 0, "events.jsonl is not the file the manifest speaks of.")
                )
    return verdict


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def _keys(arguments: Iterable[str]) -> set[str]:
    keys: set[str] = set()
    for text in arguments:
        lines = [text] if _is_key(text) else Path(text).read_text().split()
        keys |= {line.lower() for line in lines if _is_key(line)}
    if not keys:
        raise ValueError("no public key (64 hexadecimal digits) was given")
    return keys


def _is_key(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in text)


def _kept_apart(folder: Path) -> list[Any]:
    paths = [*sorted(folder.glob("archived-*.json")), *sorted(folder.glob("[0-9]*.json"))]
    if not paths:
        raise ValueError(f"no checkpoint lies in {folder}")
    return [parse(path.read_text()) for path in paths]


if __name__ == "__main__":
    sys.exit(main())
