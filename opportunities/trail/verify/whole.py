"""One verification from the first event to the last submission, in steps, up to the first problem."""

from collections.abc import Generator, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import Subquery

from opportunities.models import AuditEvent, ChainHead, Instance
from opportunities.trail import checkpoints, event_macs, head_file, signing_keys, verifier, witness
from opportunities.trail.verifier import ALTERED, BEHIND, MISSING, UNBELIEVABLE, Chain, Problem
from opportunities.trail.verify.compared import check_submissions
from opportunities.trail.verify.macs import MacCheck
from opportunities.trail.verify.replay import Replay
from opportunities.trail.verify.report import NOT_AS_SEEN, Progress, Verification, VerificationReport
from opportunities.trail.verify.rows import ROWS_AT_ONCE, plain_rows
from opportunities.trail.verify.saved import check_saved

COPIES_AT_ONCE = 50


def verify(
    *, keys: set[str] | None = None, archives: Iterable[Path] = (), saved: Iterable[Path] = ()
) -> VerificationReport:
    """Verify without steps. `keys`: the public keys to trust instead of the installed ones."""
    steps = verification(keys=keys, archives=archives, saved=saved)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            report: VerificationReport = ended.value
            return report


def verification(
    *, keys: set[str] | None = None, archives: Iterable[Path] = (), saved: Iterable[Path] = ()
) -> Verification:
    """Verify in steps of about a thousand events, up to the first problem; returns the report.

    `archives` are files of events that were moved out of the database, oldest first; `saved` are mails or
    files with a checkpoint that somebody kept elsewhere.
    """
    keys = signing_keys.trusted_keys() if keys is None else keys
    report, replay, checkpoint_hashes = (
        VerificationReport(),
        Replay(),
        dict.fromkeys(checkpoints.numbers(), ""),
    )
    chain, macs = Chain(), MacCheck(event_macs.known_keys())
    for path in archives:
        yield from _follow_archive(path, chain, replay, checkpoint_hashes, report)
        if report.problem:
            return report
    _begin_after_archive(chain, keys, report)
    while rows := plain_rows(chain.seq):
        for event in rows:
            report.problem = _take(event, chain, replay, checkpoint_hashes, report)
            if report.problem:
                return report
        macs.take(rows)
        yield Progress(report.events, ChainHead.objects.values_list("seq", flat=True).first() or 0)
    report.problem = (
        _check_head(chain)
        or (yield from _check_checkpoints(chain, keys, checkpoint_hashes, macs, report))
        or (yield from _check_witness(report))
        or check_saved(saved, keys, report)
        or _check_head_file()
        or macs.conclude(checkpoints.accepted_events(keys=keys), report)
    )
    if report.problem:
        return report
    yield from check_submissions(replay, report)
    return report


def _follow_archive(
    path: Path, chain: Chain, replay: Replay, checkpoint_hashes: dict[int, str], report: VerificationReport
) -> Generator[Progress, None, None]:
    """Check the chain through a file of older events. A problem goes into `report`."""
    with path.open("rb") as lines:
        for number, event in enumerate(_events_of(lines), start=1):
            if isinstance(event, Problem):
                report.problem = event
            else:
                report.problem = _take(event, chain, replay, checkpoint_hashes, report)
            if report.problem:
                return
            if number % ROWS_AT_ONCE == 0:
                yield Progress(report.events, 0)


def _take(
    event: dict[str, Any],
    chain: Chain,
    replay: Replay,
    checkpoint_hashes: dict[int, str],
    report: VerificationReport,
) -> Problem | None:
    problem = chain.follow(event) or replay.take(event)
    if problem is None:
        report.events, report.last_seq = report.events + 1, chain.seq
        if chain.seq in checkpoint_hashes:
            checkpoint_hashes[chain.seq] = chain.hash
    return problem


def _events_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any] | Problem]:
    """The events in an archive, up to the first line that is not in its canonical form."""
    for number, line in enumerate(lines, start=1):
        try:
            content = verifier.parsed_line(line)
        except ValueError as why:
            yield Problem(ALTERED, 0, f"Line {number} of the archive is not as Slantweb writes it: {why}.")
            return
        if "seq" in content:
            yield content


# Head and checkpoints


def _begin_after_archive(chain: Chain, keys: set[str], report: VerificationReport) -> None:
    """Start the chain after event 1 if a signed note says that the earlier events are in a file."""
    first = AuditEvent.objects.order_by("seq").values_list("seq", flat=True).first()
    if first is None or first <= chain.seq + 1:
        return
    seq = first - 1
    if chain.seq == 0 and (hash := checkpoints.archived_hash(seq, keys=keys)):
        chain.seq, chain.hash = seq, hash
        report.archived = seq
        report.notes.append(
            f"Events 1 to {seq:,} were moved to files; give them with --archive to check them too."
        )


def _check_head(chain: Chain) -> Problem | None:
    """Whether the head is the last event and no number is missing or repeated."""
    last = AuditEvent.objects.order_by("-seq")
    # One statement, so that an event written meanwhile is in both or in neither.
    head = (
        ChainHead.objects.filter(pk=1)
        .annotate(last_seq=Subquery(last.values("seq")[:1]), last_hash=Subquery(last.values("hash")[:1]))
        .values_list("seq", "hash", "last_seq", "last_hash")
        .first()
    )
    if head is None:
        return Problem(BEHIND, chain.seq + 1, "The head of the trail is gone.")
    seq, hash, last_seq, last_hash = head
    if seq > (last_seq or chain.seq):
        return Problem(MISSING, (last_seq or chain.seq) + 1, f"The trail ends before its head, {seq}.")
    if last_seq is None:
        same = (seq, hash) == (chain.seq, chain.hash)
        return None if same else Problem(BEHIND, seq + 1, "The head is not where the trail ends.")
    if seq < last_seq or hash != last_hash:
        return Problem(BEHIND, seq + 1, f"The head stands at {seq}, and the last event is {last_seq}.")
    first = AuditEvent.objects.order_by("seq").values_list("seq", flat=True).first() or 1
    rows = AuditEvent.objects.filter(seq__lte=chain.seq).count()
    if rows != chain.seq - first + 1:
        return Problem(
            MISSING, first, f"There are {rows} events from {first} to {chain.seq}: one comes twice."
        )
    return None


def _check_checkpoints(
    chain: Chain,
    keys: set[str],
    checkpoint_hashes: dict[int, str],
    macs: MacCheck,
    report: VerificationReport,
) -> Generator[Progress, None, Problem | None]:
    """Whether every checkpoint is signed by a trusted key and vouches for the events in the database."""
    good = report.archived
    numbers = checkpoints.numbers()
    for index, seq in enumerate(numbers):
        if index % ROWS_AT_ONCE == ROWS_AT_ONCE - 1:
            yield Progress(index, len(numbers), "checkpoints")
        checkpoint = checkpoints.read(seq, keys=keys)
        if checkpoint.wrong:
            return Problem(UNBELIEVABLE, seq, f"The checkpoint at {seq}: {checkpoint.wrong}.")
        if seq < report.archived:
            continue
        current_hash = checkpoint_hashes.get(seq) or _hash_at(seq)
        if not current_hash and seq > chain.seq:
            words = f"The trail ends at {chain.seq}, but a signed checkpoint vouches for {seq} events."
            return Problem(BEHIND, chain.seq + 1, words)
        if current_hash and current_hash != checkpoint.hash:
            words = (
                f"Event {seq} is not the one its checkpoint vouches for: {good + 1} to {seq} were rewritten."
            )
            return Problem(ALTERED, seq, words)
        macs.is_strict = checkpoints.speaks_of_macs(checkpoint.envelope)
        if macs.is_strict and macs.strict_from is None:
            macs.strict_from = seq
        good, report.key = seq, str(checkpoint.envelope["checkpoint"]["key"])
    report.checkpoints, report.vouched = len(numbers), good
    if missing_checkpoint := _find_missing_checkpoint(set(numbers), keys):
        seq, at = missing_checkpoint
        return Problem(UNBELIEVABLE, seq, f"The checkpoint at {seq} was there on {at:%d %B %Y}, and is gone.")
    if not numbers and chain.seq:
        report.notes.append("No checkpoint vouches for this trail: only its own hashes were checked.")
    return None


def _check_witness(report: VerificationReport) -> Generator[Progress, None, Problem | None]:
    """Whether the copies on another machine, which may be slow, equal the checkpoints here."""
    try:
        for done, (seq, difference) in enumerate(witness.compare_copies(), start=1):
            if difference:
                return Problem(UNBELIEVABLE, seq, f"The checkpoint at {seq}: {difference}.")
            if done % COPIES_AT_ONCE == 0:
                yield Progress(done, report.checkpoints, "copies of checkpoints")
    except OSError as problem:
        report.notes.append(f"AUDIT_WITNESS_DIR cannot be read ({problem.strerror}): nothing was compared.")
    return None


def _check_head_file() -> Problem | None:
    """Whether the trail has the event that this machine's head file remembers."""
    content = head_file.read()
    if content is None or content.get("instance") != str(Instance.current().instance_id):
        return None
    if not (seq := head_file.altered_number(content)):
        return None
    words = (
        f"Event {seq} is not the one this machine saw there: the trail was altered since, after its newest "
        "checkpoint. It is no restored backup; do not run `manage.py recover`."
    )
    return Problem(NOT_AS_SEEN, seq, words)


def _hash_at(seq: int) -> str:
    return AuditEvent.objects.filter(pk=seq).values_list("hash", flat=True).first() or ""


def _find_missing_checkpoint(numbers: set[int], keys: set[str]) -> tuple[int, datetime] | None:
    """The checkpoint that the last good verification saw, if it is gone. One by another key does not
    count.
    """
    last = AuditEvent.objects.filter(action="audit.verified", outcome="ok").order_by("-seq").first()
    if last is None or last.after.get("key") not in keys:
        return None
    last_checkpoint = last.after.get("checkpoint", 0)
    return (last_checkpoint, last.recorded_at) if last_checkpoint and last_checkpoint not in numbers else None
