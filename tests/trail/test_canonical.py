"""Everybody who reads a line of the trail reads the same: only its canonical form is believed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from opportunities.trail import checkpoints, export, signing_keys, verifier
from opportunities.trail.verifier import ALTERED, UNBELIEVABLE
from opportunities.trail.verify.whole import verify
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import checkpoint_now, sha256, spoiling, write_events
from tests.trail.test_exports import CLEO, exported, verdict

Forgery = Callable[[bytes], bytes]

FORGERIES: dict[str, Forgery] = {
    # Python takes the last of two keys, and other readers take the first.
    "a key comes twice": lambda line: line.replace(b"{", b'{"actor_display":"Somebody Else",', 1),
    "a key comes twice further in": lambda line: line.replace(b'"after":{', b'"after":{"value":9,', 1),
    "a space": lambda line: line.replace(b'":', b'": ', 1),
    "another escape": lambda line: line.replace(b"Olivia", b"\\u004flivia", 1),
    "no end of line": lambda line: line.removesuffix(b"\n"),
    "two ends of line": lambda line: line.removesuffix(b"\n") + b"\r\n",
    "keys in another order": lambda line: (
        json.dumps(dict(reversed(list(json.loads(line).items()))), separators=(",", ":")).encode() + b"\n"
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_line_that_is_not_its_canonical_form_is_altered(
    db: None, clock: TurnedClock, forge: Forgery
) -> None:
    """The forger mends the manifest, whose hash then fits the bytes; the events' own hashes fit as well."""
    write_events(6, clock)
    checkpoint_now(clock)
    *body, manifest = exported(clock).splitlines(keepends=True)
    forged = [*body[:5], forge(body[5]), *body[6:]]
    assert forged[5] != body[5]
    assert json.loads(forged[5]) == json.loads(body[5])
    stated = json.loads(manifest)["manifest"] | {"sha256": sha256(b"".join(forged))}

    found = verifier.verify(
        [*forged, verifier.canonical({"manifest": stated}) + b"\n"], signing_keys.trusted_keys(), whole=True
    )

    assert found.code == ALTERED
    assert "Line 6 of the export is not as Slantweb writes it" in found.problems[0].words


@pytest.mark.parametrize(
    "forge",
    [
        lambda line: line.replace(b'"made_by":', b'"made_by":"Somebody Else","made_by":', 1),
        lambda line: line.replace(b'{"manifest":', b'{"a_note":"All is well.","manifest":', 1),
    ],
    ids=["a key comes twice", "a word beside what was signed"],
)
def test_a_signed_manifest_says_nothing_that_was_not_signed(
    db: None, clock: TurnedClock, forge: Forgery
) -> None:
    write_events(3, clock)
    checkpoint_now(clock)
    *body, manifest = exported(clock).splitlines(keepends=True)
    assert b'"signature"' in manifest

    assert verdict(b"".join([*body, forge(manifest)])).code == ALTERED


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"seq":1.0}', b'{"seq":NaN}', b"\xff\xfe"])
def test_a_line_that_cannot_be_read_is_a_finding_and_no_crash(line: bytes) -> None:
    assert verifier.verify([line + b"\n"]).code == ALTERED


def test_an_archive_with_a_key_twice_is_altered(db: None, clock: TurnedClock, tmp_path: Path) -> None:
    write_events(4, clock)
    seq = checkpoint_now(clock)
    export.archive(seq, tmp_path / "archive", by=CLEO, clock=clock)
    lines = (tmp_path / "archive" / "events.jsonl").read_bytes().splitlines(keepends=True)
    lines[1] = FORGERIES["a key comes twice"](lines[1])
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(b"".join(lines))

    problem = verify(archives=[forged]).problem

    assert problem
    assert (problem.code, problem.words[:25]) == (ALTERED, "Line 2 of the archive is ")


@pytest.mark.skipif("postgresql" in os.environ.get("TEST_DATABASE_URL", ""), reason="keeps each key once")
def test_an_event_in_the_database_with_a_key_twice_is_altered(db: None, clock: TurnedClock) -> None:
    """SQLite's own functions show the first of two keys, and Python hashes the last."""
    write_events(4, clock)
    with spoiling() as cursor:
        cursor.execute(
            "UPDATE opportunities_auditevent "
            "SET after = '{\"value\": 900000, ' || substr(after, 2) WHERE seq = 3"
        )
        cursor.execute("SELECT json_extract(after, '$.value') FROM opportunities_auditevent WHERE seq = 3")
        assert cursor.fetchone() == (900000,)
        problem = verify().problem

    assert problem
    assert problem[:2] == (ALTERED, 3)


def test_a_checkpoint_with_a_key_twice_cannot_be_believed(db: None, clock: TurnedClock) -> None:
    write_events(4, clock)
    path = checkpoints.folder() / f"{checkpoint_now(clock):012d}.json"
    path.chmod(0o600)
    path.write_text(path.read_text().replace('"count": 4', '"count": 999,\n  "count": 4', 1))

    problem = verify().problem

    assert problem
    assert problem[:2] == (UNBELIEVABLE, 4)
