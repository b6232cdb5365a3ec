"""Evidence: what each look at an unknown submission leaves for the next look, for managers and for the trail.

It is kept in `Submission.check_state`:

    scan, around      the list that was read last, and the book's list if that was read beside it
    candidates        records that may be ours, each with its id, how it matches, and its fields
    absent_since      the end of the first quiet look that found nothing; `first_scan` is that look
    incomplete        how many looks in a row were not complete
    answered_since    since when Slant has answered our looks without a break
    no_budget_since   since when looks have waited for calls
    answer_id         the record that Slant's answer named without showing it to be ours
    ruled_out         records that a manager ruled out; `overwrites` are values an edit may overwrite
"""

from datetime import datetime
from typing import Any

from opportunities.clock import Clock
from opportunities.deal_fields import values_of_record
from opportunities.delivery import unknown_outcome
from opportunities.delivery.kinds import sent_fields
from opportunities.delivery.scanning import Candidates, ListScan
from opportunities.models import Submission
from opportunities.slant.types import OpportunityRecord

Evidence = dict[str, Any]


def earlier_evidence(submission: Submission) -> Evidence:
    """The evidence of earlier looks, without an absence seen before the present quiet period."""
    evidence = dict(submission.check_state)
    first = evidence.get("absent_since")
    if first and datetime.fromisoformat(first) < unknown_outcome.quiet_until(submission):
        forget_absence(evidence)
    return evidence


def forget_absence(evidence: Evidence) -> None:
    for name in ("absent_since", "first_scan"):
        evidence.pop(name, None)


def scan_evidence(submission: Submission, scans: list[ListScan], candidates: Candidates) -> Evidence:
    """The evidence of a look at lists: the scans, and the candidates with their fields."""
    described = [
        {
            "of": scan.of,
            "began_at": scan.began_at.isoformat(),
            "ended_at": scan.ended_at.isoformat(),
            "pages": scan.pages,
            "count_first": scan.count_first,
            "count_last": scan.count_last,
            "complete": scan.complete,
        }
        | ({"without_id": scan.without_id} if scan.without_id else {})
        | ({"broken_pages": scan.broken_pages} if scan.broken_pages else {})
        for scan in scans
    ]
    return {
        "scan": described[0],
        "around": described[1] if len(described) > 1 else None,
        "candidates": [candidate_evidence(submission, record, "exact") for record in candidates.exact]
        + [candidate_evidence(submission, record, "near") for record in candidates.near],
    }


def deal_evidence(began: datetime, clock: Clock) -> Evidence:
    """The evidence of a look at one deal, which settles an edit or a move."""
    scan = {"of": "deal", "began_at": began.isoformat(), "ended_at": clock.now().isoformat()}
    return {"scan": scan}


def candidate_evidence(submission: Submission, record: OpportunityRecord, match: str) -> Evidence:
    """A record for people to compare; its custom fields only where `submission` sends them."""
    return {
        "id": record.id,
        "match": match,
        "created_at": record.created_at.isoformat() if record.created_at else "",
        "fields": values_of_record(record, sent_fields(submission)),
    }


def trail_evidence(evidence: Evidence, rule: str) -> Evidence:
    """What the trail keeps of a decision: what was read, in order, what was found, and the rule that
    decided.
    """
    scans = [evidence.get(name) for name in ("first_scan", "scan", "around")]
    return {
        "rule": rule,
        "scans": [scan for scan in scans if scan],
        "candidates": [candidate["id"] for candidate in evidence.get("candidates", [])],
    }
