"""The page of one submission: how far it got, what was sent, what Slant said, what its person may do."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from opportunities.actions.withdrawing import may_be_withdrawn
from opportunities.clock import is_due
from opportunities.deal_fields import LABELS, flatten, label_of
from opportunities.delivery.answers import RECORD_GONE
from opportunities.delivery.kinds import sent_fields
from opportunities.models import Attempt, Hold, Opportunity, Person, State, Submission
from opportunities.selectors.submissions.parts import Exchange, ProgressStep, SentField, SubmissionPage
from opportunities.selectors.waiting import ASKS_ITS_OWNER, Outlook, outlook, reason_now, when
from opportunities.wording import states as states_words
from opportunities.wording import submissions as submissions_words
from opportunities.wording.fields import show_value

# What a manager decided, with a reason of theirs.
DECIDED = ("linked", "closed", "send_again")
LATE = timedelta(seconds=12)
LOOK_AGAIN_MS = ((30, 2_000), (120, 5_000))
LOOK_SELDOM_MS = 15_000


def submission_page(row: Submission, person: Person, now: datetime) -> SubmissionPage:
    attempts = list(Attempt.objects.filter(submission=row))
    current_outlook = Outlook() if row.is_final else outlook(now)
    words, late = _words(row, current_outlook, now)
    settled = attempts[-1] if attempts else None
    is_own = row.person_id == person.pk
    return SubmissionPage(
        row=row,
        words=words,
        sentence=_sentence(row, words, person, when(row, current_outlook, now)),
        steps=_steps(row),
        sent_fields=list(_body_fields(row, settled)),
        refusals=list(_refusals(row)),
        managers_reason=row.reason_text if row.reason_code in DECIDED else "",
        exchanges=[_exchange(attempt) for attempt in attempts],
        may_withdraw=is_own and may_be_withdrawn(row),
        may_still_send=is_own and row.state == State.QUEUED and row.reason_code == ASKS_ITS_OWNER,
        correct_url=_correct_url(row) if is_own else "",
        deal_url=_deal_url(row),
        is_own=is_own,
        took=_seconds(settled.elapsed_ms) if settled else "",
        version=_version(row, late, current_outlook),
        look_again_ms=_look_again(row, now),
    )


def _deal_url(row: Submission) -> str:
    """The deal's own page; empty while it has none, because Slant shows no stage of it that we can read."""
    if not (row.opportunity_id and Opportunity.objects.filter(pk=row.opportunity_id).exists()):
        return ""
    return reverse("opportunities:opportunity", args=[row.opportunity_id])


def _words(row: Submission, current_outlook: Outlook, now: datetime) -> tuple[states_words.StateWords, bool]:
    """After twelve seconds without an end the page says that it is saved (reliability I9)."""
    is_late = is_due(row.created_at + LATE, now, longest=LATE)
    late = row.state in (State.QUEUED, State.SENDING) and is_late
    code = reason_now(row, current_outlook)
    if row.state == State.QUEUED and code != ASKS_ITS_OWNER:
        code = Hold.objects.values_list("code", flat=True).first() or code
    if row.state == State.SENDING and not current_outlook.is_silent:
        code = "late" if late else ""
    return submissions_words.state_words(row.kind, row.state, code), late


def _sentence(row: Submission, words: states_words.StateWords, person: Person, at: str) -> str:
    reasons = submissions_words.reasons_of(row.reason_text, row.field_errors)
    if row.state == State.REJECTED and reasons and row.reason_code == "rejected":
        because = (
            submissions_words.REFUSED_BECAUSE
            if row.kind == "create"
            else submissions_words.CHANGE_REFUSED_BECAUSE
        )
        return because.format(message=reasons)
    owner = row.labels.get("owner", "")
    sent_to = json.loads(row.body).get("assigned_to_id", "")
    if person.member_id and sent_to == person.member_id:
        owner = "you"
    stage = row.labels.get("stage", "")
    details = (f" in the {stage} stage" if stage else "") + (f", owned by {owner}" if owner else "")
    return words.sentence.format(at=at, name=row.name, where=details, book=row.labels.get("book", ""))


def _steps(row: Submission) -> list[ProgressStep]:
    """Saved here, sent, answered, in Slant: each with the words of how it went."""
    saved, sent_step = ProgressStep("Saved here", "done"), ProgressStep("Sent", "done")
    answer_step, arrival_step = ProgressStep("Slant answered"), ProgressStep("In Slant")
    match row.state:
        case State.QUEUED:
            return [saved, ProgressStep("Waiting to be sent", "now"), answer_step, arrival_step]
        case State.SENDING:
            return [saved, ProgressStep("Sending", "now"), answer_step, arrival_step]
        case State.UNKNOWN:
            label = "Values differ" if row.mismatches else "Answer lost"
            return [saved, sent_step, ProgressStep(label, "doubt"), arrival_step]
        case State.REVIEW:
            return [saved, sent_step, ProgressStep("A manager decides", "doubt"), arrival_step]
        case State.CONFIRMED:
            return [
                saved,
                sent_step,
                ProgressStep("Slant answered", "done"),
                ProgressStep("In Slant", "done"),
            ]
        case State.REJECTED if row.attempts_count:
            return [saved, sent_step, ProgressStep("Refused", "fail"), arrival_step]
        case State.REJECTED:
            return [saved, ProgressStep("Not sent", "fail"), answer_step, arrival_step]
        case _:
            return [saved, ProgressStep("Withdrawn", "fail"), answer_step, arrival_step]


def _body_fields(row: Submission, attempt: Attempt | None) -> Iterator[SentField]:
    body = flatten(json.loads(row.body))
    answer = attempt.answer if attempt else {}
    labels = {
        "book_id": row.labels.get("book"),
        "household_id": row.labels.get("household"),
        "pipeline_id": row.labels.get("pipeline"),
        "pipeline_stage_id": row.labels.get("stage"),
        "assigned_to_id": row.labels.get("owner"),
    }
    for name in dict.fromkeys([*LABELS, *body]):
        if name in body:
            text = labels.get(name) or show_value(name, body[name])
            differs = name in row.mismatches
            answer_text = show_value(name, answer.get(name)) or "nothing" if differs else ""
            was = show_value(name, row.seen.get(name)) if name not in labels else ""
            yield SentField(label_of(name), text or "Nothing", answer_text, was)
        elif name == "pipeline_id" and row.kind == "create":
            yield SentField(label_of(name), "Slant chooses")


def _correct_url(row: Submission) -> str:
    """Where what was refused or taken back can be corrected, with what was asked for filled in."""
    if row.state not in (State.REJECTED, State.WITHDRAWN) or row.reason_code == RECORD_GONE:
        return ""
    match row.kind:
        case "create":
            return f"{reverse('opportunities:new')}?from={row.pk}"
        case "edit":
            return f"{reverse('opportunities:edit', args=[row.opportunity_id])}?from={row.pk}"
        case "move":
            requested_values = {name: value for name, value in sent_fields(row).items() if value is not None}
            return f"{reverse('opportunities:move', args=[row.opportunity_id])}?{urlencode(requested_values)}"
    return ""


def _refusals(row: Submission) -> Iterator[tuple[str, str]]:
    if row.state != State.REJECTED:
        return
    for name, said_of_it in row.field_errors.items():
        for message in said_of_it if isinstance(said_of_it, list) else [said_of_it]:
            yield (
                label_of(name, "The deal"),
                str(message),
            )


def _exchange(attempt: Attempt) -> Exchange:
    tone = {"ok": "good", "rejected": "bad", "no_answer": "warn", "abandoned": "warn"}.get(
        attempt.outcome, ""
    )
    return Exchange(
        number=attempt.number,
        started_at=attempt.started_at,
        words=submissions_words.OUTCOME.get(attempt.outcome, attempt.outcome),
        tone=tone,
        status=attempt.status,
        message=attempt.message,
        took=_seconds(attempt.elapsed_ms),
        remote_request_id=attempt.remote_request_id,
    )


def _seconds(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{max(milliseconds, 100) / 1000:.1f} s"


def _version(row: Submission, late: bool, current_outlook: Outlook) -> str:
    """Changes when anything on the page does."""
    due = int(row.due_at.timestamp()) if row.due_at else 0
    away = (
        int(current_outlook.slant.is_open)
        + int(current_outlook.slant.is_busy)
        + 3 * int(current_outlook.is_silent)
    )
    return f"{row.state}-{row.attempts_count}-{row.reason_code or 'none'}-{due}-{int(late)}-{away}"


def _look_again(row: Submission, now: datetime) -> int:
    """When the page asks again, in milliseconds; 0 when there is nothing more to wait for."""
    if row.is_final:
        return 0
    age = (now - row.created_at).total_seconds()
    return next((wait for until, wait in LOOK_AGAIN_MS if age < until), LOOK_SELDOM_MS)
