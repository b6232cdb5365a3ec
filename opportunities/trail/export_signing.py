"""The worker signs what people export from the page: it reads the events itself, and signs what it read.

The worker trusts nothing that the web says about an export. The event `audit.export_started` says who asked
for what. The worker reads those events, for a second in each round, and stores the signed lines that end the
file. If the export holds other events, these lines do not match it, and it stays unsigned.
"""

import logging
import threading
from collections.abc import Iterator

from opportunities.clock import Clock, ClockJumped
from opportunities.models import AuditEvent, ExportSignature
from opportunities.runtime import wakeup
from opportunities.trail import checkpoints, export_requests, signing_keys
from opportunities.trail.audit import Actor
from opportunities.trail.export_contents import Export, ExportSummary, jsonl_pieces
from opportunities.trail.query import TrailQuery

logger = logging.getLogger(__name__)

SLICE_SECONDS = 1.0
# The unfinished reads of this process, by the number of the event that began the export.
_guard = threading.Lock()
_under_way: dict[int, Iterator[bytes]] = {}


def sign_due(*, clock: Clock) -> None:
    """Sign the oldest export that waits, or continue to read its events for a second."""
    # Rounds of one process may overlap; only one of them signs.
    if not _guard.acquire(blocking=False):
        return
    try:
        if _sign_next(clock):
            wakeup.wake()
    finally:
        _guard.release()


def _sign_next(clock: Clock) -> bool:
    """Whether more remains to be done at once."""
    seq = export_requests.oldest_due(clock.now())
    if seq is None:
        _under_way.clear()
        return False
    until = clock.monotonic() + SLICE_SECONDS
    closing = b""
    try:
        pieces = _under_way.pop(seq, None) or _pieces(seq, clock)
        while clock.monotonic() <= until:
            closing = next(pieces)
    except StopIteration:
        ExportSignature.objects.filter(pk=seq, closing="").update(closing=closing.decode())
        return False
    except ClockJumped:
        raise
    except Exception:
        # A malformed event of the web must not end the round.
        logger.exception("the export begun at event %s cannot be signed", seq)
        ExportSignature.objects.filter(pk=seq, closing="").delete()
        return False
    _under_way[seq] = pieces
    return True


def _pieces(seq: int, clock: Clock) -> Iterator[bytes]:
    """Read the export piece by piece. The last piece is what the worker signs."""
    event = AuditEvent.objects.filter(pk=seq, action="audit.export_started").first()
    if event is None:
        raise ValueError("no event says that it was asked for")
    signing_keys.signing_key()
    checkpoints.refuse_unproven()
    by = Actor(event.actor_type, event.actor_display)
    export = Export(TrailQuery.from_json(event.after), by, clock, seq - 1, signs=True)
    return jsonl_pieces(export, ExportSummary())
