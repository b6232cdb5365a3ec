"""What is taken away verifies anywhere, with the one file that comes along and nothing else."""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import transaction
from django.http import StreamingHttpResponse

from opportunities.models import AuditEvent, Person
from opportunities.trail import audit, checkpoints, export, signing_keys, verifier
from opportunities.trail.audit import Actor, AuditChange
from opportunities.trail.query import TrailQuery
from opportunities.trail.verifier import ALTERED, BEHIND, MISSING, UNBELIEVABLE
from opportunities.trail.verify.whole import verify
from opportunities.views import limits
from tests.support.people import make_person
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import SignIn, checkpoint_now, rows, sha256, spoiling, write_events

EVERYTHING = TrailQuery()
CLEO = Actor("user", "Cleo Compliance", "https://sign-on.example", "sub-cleo", ("compliance",))


@pytest.fixture
def auditor(db: None) -> Person:
    return make_person("Cleo Compliance", "compliance")


def exported(clock: TurnedClock, wanted: TrailQuery = EVERYTHING, format: str = "jsonl") -> bytes:
    """As a process that holds the key makes it. `test_signed_exports` has those of the page."""
    begun = export.begin(wanted, format=format, by=CLEO, clock=clock, signs=True)
    return b"".join(export.stream(begun, format))


def verdict(export: bytes, **options: Any) -> verifier.Verdict:
    return verifier.verify(export.splitlines(keepends=True), signing_keys.trusted_keys(), **options)


def manifest_mended(body: list[bytes], manifest_line: bytes, **stated: Any) -> bytes:
    """`body` under a manifest that fits it, as somebody writes it who has no key: its signature is gone."""
    manifest = json.loads(manifest_line)["manifest"]
    events = [json.loads(line) for line in body if line.startswith(b'{"action"')]
    manifest |= {"count": len(events), "sha256": sha256(b"".join(body))}
    if events:
        manifest |= {"first_seq": events[0]["seq"], "last_seq": events[-1]["seq"]}
        manifest |= {"first_hash": events[0]["hash"], "last_hash": events[-1]["hash"]}
    return b"".join(body) + verifier.canonical({"manifest": manifest | stated}) + b"\n"


def kept_apart(*numbers: int) -> list[Any]:
    return [checkpoints.read(seq, keys=signing_keys.trusted_keys()).envelope for seq in numbers]


def test_an_export_verifies_and_any_byte_of_it_changed_does_not(db: None, clock: TurnedClock) -> None:
    write_events(12, clock)
    checkpoint_now(clock)
    write_events(5, clock)
    checkpoint_now(clock)
    export = exported(clock)

    found = verdict(export)
    assert (found.problems, found.count, found.vouched, found.notes) == ([], 17, 17, [])
    for at in range(0, len(export), 29):
        other = bytearray(export)
        other[at] ^= 1
        # The manifest's own words (who, when) are its maker's; all that is evidence is before it.
        if at < export.rindex(b'{"manifest"'):
            assert verdict(bytes(other)).code, at


def test_what_can_be_done_to_an_export_is_found(db: None, clock: TurnedClock) -> None:
    write_events(10, clock)
    checkpoint_now(clock)
    write_events(10, clock)
    checkpoint_now(clock)
    lines = exported(clock).splitlines(keepends=True)
    kept = kept_apart(20)

    def with_manifest(body: list[bytes], **stated: Any) -> bytes:
        return manifest_mended(body, lines[-1], **stated)

    def rewritten() -> list[bytes]:
        events = [json.loads(line) for line in lines[:20]]
        events[4]["actor_display"] = "Nobody"
        for number in range(4, 20):
            events[number]["prev_hash"] = events[number - 1]["hash"]
            events[number]["hash"] = verifier.event_hash(events[number])
        return [verifier.canonical(event) + b"\n" for event in events] + lines[20:-1]

    forger = Ed25519PrivateKey.generate()
    statement = json.loads(lines[20])["checkpoint"] | {"key": signing_keys.public_half(forger)}
    forged = verifier.canonical(checkpoints.sign(statement, forger)) + b"\n"
    found = {
        "cut": verdict(b"".join(lines[:15])),
        "one taken out": verdict(with_manifest(lines[:5] + lines[6:-1])),
        "end taken off": verdict(with_manifest(lines[:18] + lines[20:-1])),
        "end and checkpoints taken off": verdict(with_manifest(lines[:18]), kept_apart=kept),
        "rewritten": verdict(with_manifest(rewritten())),
        "forged checkpoint": verdict(with_manifest([*lines[:20], forged, *lines[21:-1]])),
        "more after the manifest": verdict(b"".join(lines) + lines[3]),
        "count": verdict(with_manifest(lines[:-1], count=21)),
    }
    assert {name: one.code for name, one in found.items()} == {
        "cut": MISSING,
        "one taken out": MISSING,
        "end taken off": BEHIND,
        "end and checkpoints taken off": BEHIND,
        "rewritten": ALTERED,
        "forged checkpoint": UNBELIEVABLE,
        "more after the manifest": ALTERED,
        "count": MISSING,
    }
    assert found["one taken out"].problems[0].seq == 6
    assert found["rewritten"].problems[0].seq == 10


def test_nothing_an_export_says_of_itself_makes_the_whole_less(db: None, clock: TurnedClock) -> None:
    """Somebody without the key cuts an export and mends its manifest, against `--whole` and checkpoints kept
    apart.
    """
    write_events(10, clock)
    checkpoint_now(clock)
    clock.turn(3600)
    write_events(10, clock)
    checkpoint_now(clock)
    clock.turn(3600)
    *body, manifest = exported(clock).splitlines(keepends=True)
    events, evidence = body[:20], body[20:]
    first_only = [line for line in evidence if json.loads(line)["checkpoint"]["last_seq"] == 10]
    kept = kept_apart(10, 20)
    earlier = "2026-11-23T12:30:00.000000Z"
    assert verdict(b"".join([*body, manifest]), whole=True, kept_apart=kept).code == 0

    found = {
        name: verdict(manifest_mended(cut, manifest, **stated), whole=True, kept_apart=kept).problems[0][:2]
        for name, cut, stated in [
            ("beginning removed", events[5:] + evidence, {}),
            ("end removed", events[:12] + first_only, {}),
            ("end removed, made earlier", events[:12] + first_only, {"made_at": earlier}),
            ("end removed, a part", events[:12] + first_only, {"whole": False, "filters": {"who": "x"}}),
            ("end removed, until a day", events[:12] + first_only, {"filters": {"until": "2026-11-22"}}),
            ("all removed", evidence, {}),
        ]
    }
    assert found == {
        "beginning removed": (MISSING, 1),
        "end removed": (BEHIND, 13),
        "end removed, made earlier": (BEHIND, 13),
        "end removed, a part": (MISSING, 0),
        "end removed, until a day": (MISSING, 0),
        "all removed": (MISSING, 1),
    }
    older = verdict(
        manifest_mended(events[:12] + first_only, manifest, made_at=earlier), whole=True, kept_apart=kept
    )
    assert f"By its own word, which nobody signed, made at {earlier}" in older.problems[0].words


def test_what_the_web_exports_is_not_signed_without_a_worker_though_the_key_is_there(
    signed_in: SignIn, auditor: Person, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch, as_web: None
) -> None:
    write_events(3, clock)
    checkpoint_now(clock)
    assert signing_keys.key_file().exists()
    monkeypatch.setattr(signing_keys, "signing_key", lambda: pytest.fail("the web looked at the key"))

    answer = signed_in(auditor).get("/audit/export/", {"format": "jsonl"})

    manifest = json.loads(b"".join(answer).splitlines()[-1])
    assert manifest.keys() == {"manifest"}


def test_a_signed_manifest_tells_what_was_left_out(db: None, clock: TurnedClock) -> None:
    write_events(10, clock)
    checkpoint_now(clock)
    write_events(4, clock)
    *body, manifest = exported(clock).splitlines(keepends=True)
    stated = json.loads(manifest)

    def with_manifest(**changed: Any) -> verifier.Verdict:
        return verdict(b"".join(body) + verifier.canonical(stated | changed) + b"\n", whole=True)

    good = with_manifest()
    assert (good.code, good.origin[:23]) == (0, "Its manifest is signed:")
    assert not [note for note in good.notes if "No signature" in note]
    # The last four have no checkpoint yet: without the signature nothing would tell that they were there.
    cut = verdict(manifest_mended(body[:12] + body[14:], manifest), whole=True)
    assert (cut.code, cut.origin[:38]) == (0, "By its own word, which nobody signed, ")
    assert "No signature says that the trail ended at event 12" in " ".join(cut.notes)

    forger = Ed25519PrivateKey.generate()
    theirs = {"manifest": stated["manifest"] | {"key": signing_keys.public_half(forger)}}
    found = [
        with_manifest(manifest=stated["manifest"] | {"made_at": "2020-01-01T00:00:00.000000Z"}),
        with_manifest(signature="00" * 64),
        with_manifest(signature="nonsense"),
        with_manifest(signature=5),
        with_manifest(**theirs, signature=forger.sign(verifier.canonical(theirs)).hex()),
    ]
    assert [one.code for one in found] == [UNBELIEVABLE] * 5
    # Nor is what was signed as a manifest believed as a checkpoint.
    assert verifier.believed({"checkpoint": stated["manifest"], "signature": stated["signature"]})


def test_a_web_process_without_the_key_makes_exports_that_say_so(
    db: None, clock: TurnedClock, as_web: None
) -> None:
    write_events(3, clock)
    checkpoint_now(clock)
    signing_keys.key_file().unlink()

    export = exported(clock)

    found = verdict(export, whole=True)
    assert (found.code, found.vouched, found.origin[:16]) == (0, 3, "By its own word,")
    assert "No signature says that the trail ended at event 3" in found.notes[0]
    assert not signing_keys.key_file().exists(), "reading makes no key"


def test_a_part_of_the_trail_is_proven_without_the_rest(db: None, clock: TurnedClock) -> None:
    write_events(40, clock)
    checkpoint_now(clock)
    write_events(3, clock, by=CLEO)
    wanted = TrailQuery(object="opportunity:op_7")

    export = exported(clock, wanted)
    found = verdict(export)
    assert (found.problems, found.count, found.vouched) == ([], 1, 1)
    assert "a part of the trail" in found.notes[0]
    lines = export.splitlines(keepends=True)
    proof = json.loads(lines[2])
    proof["proof"]["path"][0] = "0" * 64
    lines[2] = verifier.canonical(proof) + b"\n"
    assert verdict(manifest_mended(lines[:3], lines[3])).code == ALTERED

    newer = verdict(exported(clock, TrailQuery(who="https://sign-on.example sub-cleo")))
    # The three, and the first export's beginning and end.
    assert (newer.count, newer.vouched) == (5, 0)
    assert "newer than the newest checkpoint" in " ".join(newer.notes)


def test_merkle_paths_lead_to_the_root_for_every_size_and_place() -> None:
    for size in range(1, 40):
        hashes = [sha256(bytes([number])) for number in range(size)]
        root = verifier.merkle_root(hashes)
        for index in range(size):
            path = verifier.merkle_path(hashes, index)
            assert verifier.root_by_path(hashes[index], index, size, path) == root
            assert verifier.root_by_path(hashes[index - 1], index, size, path) != root or size == 1
            assert verifier.root_by_path(hashes[index], index, size, [*path, root]) == ""


def test_the_signature_check_is_that_of_rfc_8032() -> None:
    """Its own test vectors (7.1, TEST 1 to 3), and a library's signatures with every byte of them changed."""
    for key, message, signature in [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ]:
        assert verifier.is_signed(*map(bytes.fromhex, (message, signature, key)))
        assert not verifier.is_signed(b"other", bytes.fromhex(signature), bytes.fromhex(key))
    private = Ed25519PrivateKey.generate()
    public, message = private.public_key().public_bytes_raw(), b"the trail"
    signed = private.sign(message)
    assert verifier.is_signed(message, signed, public)
    for at in range(64):
        other = bytearray(signed)
        other[at] ^= 1
        assert not verifier.is_signed(message, bytes(other), public)
    # The same point, the scalar plus the group's order: refused, or a signature could be changed and still
    # hold.
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = signed[:32] + (int.from_bytes(signed[32:], "little") + order).to_bytes(32, "little")
    assert not verifier.is_signed(message, malleable, public)


def run_alone(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """The verifier as an auditor runs it: the system's Python, no packages, none of our code."""
    command = [sys.executable, "-I", "-S", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def test_a_folder_verifies_where_the_application_is_not(
    db: None, clock: TurnedClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_events(30, clock)
    source, target = tmp_path / "made", tmp_path / "away"
    call_command("export_audit", str(source))
    assert "30 events, 1 to 30" in capsys.readouterr().out
    shutil.move(source, target)
    key = signing_keys.trusted_lines()[0]

    good = run_alone("verifier.py", ".", "--key", key, cwd=target)
    told = good.stdout.splitlines()
    assert (good.returncode, told[0]) == (
        0,
        "Good: 30 events, 1 to 30; signed checkpoints vouch for 30 of them.",
    )
    assert told[1].startswith("Its manifest is signed: made at 20")
    assert len(told) == 2
    kept = tmp_path / "kept"
    shutil.copytree(checkpoints.folder(), kept)
    arguments = ("verifier.py", ".", "--key", key, "--checkpoints", str(kept), "--whole")
    assert run_alone(*arguments, cwd=target).returncode == 0
    shutil.rmtree(kept)
    kept.mkdir()
    nothing = run_alone(*arguments, cwd=target)
    assert (nothing.returncode, "no checkpoint lies in" in nothing.stdout) == (verifier.UNREADABLE, True)
    unknown = run_alone("verifier.py", "events.jsonl", cwd=target)
    assert (unknown.returncode, key in unknown.stdout) == (0, True)
    wrong = run_alone("verifier.py", ".", "--key", "0" * 64, cwd=target)
    assert wrong.returncode == UNBELIEVABLE
    table = target / "events.csv"
    table.write_text(table.read_text().replace("Müller", "Miller", 1))
    changed = run_alone("verifier.py", ".", "--key", key, cwd=target)
    assert (changed.returncode, "events.csv" in changed.stdout) == (ALTERED, True)

    ended = AuditEvent.objects.get(action="audit.exported")
    assert ended.after["files"]["events.jsonl"] == sha256((target / "events.jsonl").read_bytes())
    assert ended.after["count"] == 30


def test_the_page_streams_all_three_kinds(
    db: None, clock: TurnedClock, auditor: Person, signed_in: SignIn, tmp_path: Path
) -> None:
    write_events(8, clock)
    checkpoint_now(clock)
    client = signed_in(auditor)

    def taken(query: str) -> bytes:
        response = client.get(f"/audit/export/?{query}")
        assert isinstance(response, StreamingHttpResponse)
        assert response.status_code == 200
        assert response["Content-Disposition"].startswith('attachment; filename="slantweb-trail-')
        return response.getvalue()

    jsonl = taken("format=jsonl&what=viewed")
    assert verdict(jsonl).count == 8
    table = list(csv.DictReader(io.StringIO(taken("format=csv&what=viewed").decode())))
    assert [row["hash"] for row in table] == [event["hash"] for event in rows()[:8]]
    (tmp_path / "away.zip").write_bytes(taken("format=zip"))
    with zipfile.ZipFile(tmp_path / "away.zip") as archive:
        assert set(archive.namelist()) == {
            "events.jsonl",
            "events.csv",
            "manifest.json",
            "verifier.py",
            "keys.txt",
        }
        archive.extract("verifier.py", tmp_path)
    whole = run_alone("verifier.py", "away.zip", "--whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stdout
    events = AuditEvent.objects.filter(action="audit.exported").order_by("seq")
    assert [event.object_id for event in events] == ["jsonl", "csv", "zip"]
    assert events[0].after["files"]["download"] == sha256(jsonl)
    assert events[0].actor_display == "Cleo Compliance"


def test_an_export_broken_off_says_so_in_the_trail(db: None, clock: TurnedClock) -> None:
    write_events(5, clock)
    pieces = export.stream(export.begin(TrailQuery(), format="jsonl", by=CLEO, clock=clock), "jsonl")
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]

    event = AuditEvent.objects.get(action="audit.exported")
    assert (event.outcome, event.reason_code, event.after["count"]) == ("failed", "broken_off", 5)


def test_exports_are_limited_and_wrong_ones_refused(
    db: None, auditor: Person, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (limits.EXPORT[0].times, limits.EXPORT[0].seconds) == (60, 3600)
    client = signed_in(auditor)
    assert client.get("/audit/export/?format=exe").status_code == 400
    assert client.get("/audit/export/?since=nonsense").status_code == 400
    assert client.head("/audit/export/").status_code == 405
    monkeypatch.setattr(limits, "EXPORT", (replace(limits.EXPORT[0], times=3),))

    statuses = [client.get("/audit/export/?format=exe").status_code for _ in range(2)]
    assert statuses == [400, 429]
    assert AuditEvent.objects.get(action="limit.reached").object_id == "export"


def test_no_cell_of_a_table_is_a_formula_and_the_evidence_keeps_every_letter(
    db: None, clock: TurnedClock
) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "'=1", '"a,b"', "Zoë\nNew line"]
    with transaction.atomic():
        for name in names:
            by = Actor("user", name, "https://sign-on.example", "=cmd()", user_agent=name)
            audit.record(clock=clock, by=by, action="person.signed_out", change=AuditChange({}, {name: name}))

    table = list(csv.DictReader(io.StringIO(exported(clock, format="csv").decode(), newline="")))
    assert not [
        cell for row in table for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    ]
    events = [json.loads(line) for line in exported(clock).splitlines()]
    assert [event["actor_display"] for event in events[: len(names)]] == names


def test_no_secret_gets_into_the_trail_or_out_of_it(
    db: None, clock: TurnedClock, settings: Any, auditor: Person, signed_in: SignIn
) -> None:
    """Wherever people or Slant put one; the token's shape, our own token, and a bearer header."""
    settings.SLANT_API_TOKEN = "canary-token-of-another-shape"
    canaries = ["slnt_pat_CANARY1", "canary-token-of-another-shape", "Bearer CANARY2"]
    said = " and ".join(canaries)
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=Actor("user", "Olivia", user_agent=said),
            action="submission.rejected",
            reason_text=said,
            change=AuditChange({"a": [said, {said: said}]}, {"b\0": said}),
            remote=audit.Remote(400, said, "op_1"),
        )
    with pytest.raises(TypeError), transaction.atomic():
        audit.record(clock=clock, by=CLEO, action="x.y", change=AuditChange({}, {"money": [1.5]}))

    stored = json.dumps(rows())
    page = signed_in(auditor).get("/audit/").text
    away = exported(clock).decode() + exported(clock, format="csv").decode()
    for text in (stored, page, away):
        assert not [word for word in ("CANARY1", "CANARY2", "canary-token") if word in text]
    assert verify().code == 0


def test_older_events_are_moved_to_a_file_that_still_verifies(
    db: None, clock: TurnedClock, tmp_path: Path
) -> None:
    """The steps of docs/audit.md: archive up to a checkpoint, delete the rows as the owner, verify both."""
    write_events(20, clock)
    seq = checkpoint_now(clock)
    write_events(10, clock)
    checkpoint_now(clock)
    target = tmp_path / "archive"
    taken = export.archive(seq, target, by=CLEO, clock=clock)
    assert (taken.count, taken.last[0]) == (20, 20)
    assert run_alone("verifier.py", ".", cwd=target).returncode == 0

    with spoiling() as cursor:
        cursor.execute(f"DELETE FROM opportunities_auditevent WHERE seq <= {seq}")
        alone = verify()
        with_file = verify(archives=[target / "events.jsonl"])
        cursor.execute(f"DELETE FROM opportunities_auditevent WHERE seq <= {seq + 1}")
        too_much = verify()
        (checkpoints.folder() / f"archived-{seq:012d}.json").unlink()
        unsaid = verify()
    assert (alone.code, alone.events, alone.archived) == (0, 12, 20)
    assert (with_file.code, with_file.events) == (0, 32)
    assert too_much.problem == (MISSING, 1, "Missing: 1 to 21.")
    assert unsaid.code == MISSING

    with pytest.raises(ValueError, match="cannot be read"):
        export.archive(25, tmp_path / "nowhere", by=CLEO, clock=clock)


def test_a_second_move_verifies_at_each_of_its_steps_and_also_if_it_never_ends(
    db: None, clock: TurnedClock, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_events(10, clock)
    ten = checkpoint_now(clock)
    export.archive(ten, first, by=CLEO, clock=clock)
    write_events(10, clock)
    more = checkpoint_now(clock)
    files = [first / "events.jsonl", second / "events.jsonl"]

    with spoiling() as cursor:
        cursor.execute(f"DELETE FROM opportunities_auditevent WHERE seq <= {ten}")
        moved_once = verify()
        export.archive(more, second, by=CLEO, clock=clock)
        written = verify(), verify(archives=files[:1])
        alone = run_alone("verifier.py", ".", "--whole", cwd=second)
        away = verdict(exported(clock), whole=True)
        cursor.execute(f"DELETE FROM opportunities_auditevent WHERE seq <= {more}")
        moved_twice = verify(), verify(archives=files)
        newest = AuditEvent.objects.latest("seq").seq
        left_out = verify(archives=files[:1]), verify(archives=files[1:])

    assert (moved_once.code, moved_once.archived) == (0, ten)
    # The newest note is of events that are still here; the one that fits is the older.
    assert [(one.code, one.archived) for one in written] == [(0, ten), (0, 0)]
    assert (moved_twice[0].code, moved_twice[0].archived) == (0, more)
    assert (moved_twice[1].code, moved_twice[1].events) == (0, newest)
    assert [one.problem and one.problem[:2] for one in left_out] == [(MISSING, ten + 1), (MISSING, 1)]
    assert (alone.returncode, "Events up to 10 are not in it: a signed note" in alone.stdout) == (0, True)
    assert (away.code, away.first) == (0, ten + 1)


def test_no_beginning_goes_without_the_note_that_fits_it(
    db: None, clock: TurnedClock, tmp_path: Path
) -> None:
    write_events(10, clock)
    ten = checkpoint_now(clock)
    export.archive(ten, tmp_path / "archive", by=CLEO, clock=clock)
    write_events(5, clock)
    note, checkpoint = checkpoints.archive_note(ten), kept_apart(ten)
    *body, manifest = exported(clock).splitlines(keepends=True)
    events = [line for line in body if line.startswith(b'{"action"')]
    forger = Ed25519PrivateKey.generate()
    assert note
    theirs = note["checkpoint"] | {"last_seq": 12, "key": signing_keys.public_half(forger)}
    other = checkpoints.sign(note["checkpoint"] | {"last_hash": "0" * 64}, signing_keys.signing_key())

    def found(after: int, *apart: Any) -> int:
        cut = manifest_mended(events[after:], manifest)
        return verdict(cut, whole=True, kept_apart=[one for one in apart if one]).code

    assert found(ten, note) == 0
    assert found(ten) == MISSING
    assert found(ten, *checkpoint) == MISSING, "a checkpoint says nothing of a file"
    assert found(ten + 2, note) == MISSING
    assert found(ten, other) == ALTERED
    assert found(12, checkpoints.sign(theirs, forger)) == UNBELIEVABLE
    # Without --whole it is told, not refused.
    assert "begins at event 13, and no signed note" in " ".join(
        verdict(manifest_mended(events[12:], manifest)).notes
    )
