"""The hourly removal of expired rows, and of the secrets in them.

Submissions, attempts and the trail are never removed.
"""

import logging
from datetime import timedelta

from django.contrib.sessions.models import Session

from opportunities.actions import drafts, open_sessions
from opportunities.clock import Clock
from opportunities.runtime import heartbeats, leases, limits
from opportunities.trail import export_requests
from opportunities.trail.audit import Actor

logger = logging.getLogger(__name__)

LEASE = "cleaning"
EVERY = timedelta(hours=1)


def clean_due(*, worker: Actor, clock: Clock) -> bool:
    """Remove expired rows if an hour has passed, and log how many. Returns whether it was done."""
    if not leases.is_free(LEASE, first_after=timedelta(0), clock=clock):
        return False
    if leases.take(LEASE, owner=worker.display, seconds=EVERY.total_seconds(), clock=clock) is None:
        return False
    now = clock.now()
    # A session holds the provider's tokens, sealed. They are removed as soon as nobody can use the session.
    sessions, _ = Session.objects.filter(expire_date__lt=now).delete()
    open_sessions.remove_orphans()
    removed = {
        "sessions": sessions,
        "drafts": drafts.remove_old(now),
        "heartbeats": heartbeats.remove_stale(now),
        "limit_counts": limits.remove_ended(now),
        "export_signatures": export_requests.remove_old(now),
    }
    if any(removed.values()):
        logger.info("removed what is over", extra={"removed": removed})
    return True
