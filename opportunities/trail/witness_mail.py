"""The newest checkpoint as a mail, at most once an hour, to people who keep it out of this machine's reach.

Nobody here can delete what is in their mailbox. A worker's mail thread sends it, so that no mail server
delays a round. A checkpoint vouches for all events before it, so the ones that are not mailed leave no gap.
"""

import email
import email.policy
import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from opportunities.clock import Clock
from opportunities.runtime import alert_mail, alerts, leases
from opportunities.runtime.alerts import AlertText
from opportunities.trail import checkpoints, verifier

logger = logging.getLogger(__name__)

LEASE = "mail_checkpoint"
EVERY_SECONDS = 60 * 60.0
RETRY_SECONDS = 5 * 60.0
MOST_BYTES = 1024 * 1024
CAUSE = "witness_mail_failed"
MEANING = (
    "Deals are sent as usual, and checkpoints are written here. Until then no mailbox shows where the trail "
    "stood."
)
REMEDY = (
    "Look at EMAIL_URL and AUDIT_WITNESS_EMAILS, and what the mail server says. It is tried again every five "
    "minutes."
)

# The number of the checkpoint that this process mailed last.
_last_mailed = 0


def send_if_due(*, owner: str, clock: Clock) -> bool:
    """Mail the newest checkpoint if the last mail is an hour old. True when one was sent."""
    global _last_mailed
    seq = checkpoints.newest()[0] if settings.AUDIT_WITNESS_EMAILS else 0
    if seq <= _last_mailed or not leases.available([LEASE], clock=clock):
        return False
    fence = leases.take(LEASE, owner=owner, seconds=EVERY_SECONDS, clock=clock)
    if fence is None:
        return False
    content = (checkpoints.folder() / checkpoints.name_of(seq)).read_text()
    if failure := alert_mail.send(_message(seq, content)):
        leases.renew(LEASE, owner=owner, fence=fence, seconds=RETRY_SECONDS, clock=clock)
        logger.error("checkpoint %d not mailed: %s", seq, failure)
        text = AlertText(f"No checkpoint of the trail can be mailed: {failure}", MEANING, REMEDY, "/audit/")
        alerts.open_alert(CAUSE, text, clock=clock)
        return False
    _last_mailed = seq
    logger.info("checkpoint %d mailed", seq)
    alerts.close_alert(CAUSE, clock=clock)
    return True


def _message(seq: int, content: str) -> EmailMessage:
    name = checkpoints.name_of(seq)
    message = EmailMessage(
        f"[{alerts.installation()}] Audit trail: checkpoint {seq}",
        f"Where the audit trail of {settings.SITE_URL} stood: at event {seq}. The file is signed.\n\n"
        "Keep this mail; there is nothing to do. If somebody rewrites the trail, it shows that it was "
        "otherwise. To compare, save it or its attachment, and let the operator run, as the worker's "
        "account:\n\n"
        "  manage.py verify_audit --witness FILE\n\n"
        "Or give a folder of saved attachments to verifier.py with --checkpoints, beside an export.\n\n"
        f"{content}",
        settings.ALERT_FROM,
        settings.AUDIT_WITNESS_EMAILS,
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach(name, content, "application/json")
    return message


def read_saved(path: Path) -> list[Any]:
    """The checkpoints in a saved attachment, or attached to a saved mail. Raises ValueError without one."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError("it is too long for a mail of ours")
    if content.lstrip()[:1] == b"{":
        return [verifier.parse(content)]
    mail = email.message_from_bytes(content, policy=email.policy.default)
    envelopes = [
        verifier.parse(part.get_content())
        for part in mail.walk()
        if checkpoints.NAME.fullmatch(part.get_filename() or "")
    ]
    if not envelopes:
        raise ValueError("no checkpoint is attached to it")
    return envelopes
