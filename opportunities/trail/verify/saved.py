"""Whether the trail matches a checkpoint that somebody kept elsewhere, as a mail or a file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opportunities.models import AuditEvent, Instance
from opportunities.trail import signing_keys, verifier, witness_mail
from opportunities.trail.verifier import ALTERED, BEHIND, UNBELIEVABLE, Problem
from opportunities.trail.verify.report import VerificationReport


def check_saved(paths: Iterable[Path], keys: set[str], report: VerificationReport) -> Problem | None:
    """The problem of the first file that is not valid or that the trail does not match; None without one."""
    for path in paths:
        try:
            envelopes = witness_mail.read_saved(path)
        except (OSError, ValueError, LookupError, TypeError) as unread:
            return Problem(UNBELIEVABLE, 0, f"{path.name} cannot be read ({unread}).")
        for envelope in envelopes:
            if problem := _compare(path.name, envelope, keys, report):
                return problem
    return None


def _compare(name: str, envelope: Any, keys: set[str], report: VerificationReport) -> Problem | None:
    wrong = verifier.believed(envelope, keys, signing_keys.is_signed)
    statement = {} if wrong else envelope["checkpoint"]
    if not wrong and statement.get("instance") != str(Instance.current().instance_id):
        wrong = "it is another database's"
    if wrong:
        return Problem(UNBELIEVABLE, 0, f"The checkpoint in {name}: {wrong}.")
    seq = int(statement["last_seq"])
    current_hash = AuditEvent.objects.filter(pk=seq).values_list("hash", flat=True).first()
    if current_hash is None and seq > report.archived:
        return Problem(BEHIND, seq, f"The trail has no event {seq}, which {name} vouches for.")
    if current_hash is not None and current_hash != statement["last_hash"]:
        return Problem(ALTERED, seq, f"Event {seq} is not the one that {name} vouches for: it was rewritten.")
    report.notes.append(
        f"{name} agrees: event {seq:,} is as it was on {statement['time']}."
        if current_hash
        else f"{name} is about event {seq:,}, which was moved to a file."
    )
    return None
