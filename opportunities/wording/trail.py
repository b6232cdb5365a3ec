"""The words of the audit trail: one sentence for each event, and the words of its filters, fields and facts.

A sentence names who did it and what happened to what; all else is in the opened line. `{warn:...}`,
`{bad:...}` and `{good:...}` tone the words after the colon; `{rows:deal}` counts: `1 deal`, `28 deals`; every
other name in braces is replaced by its value, highlighted. `selectors/audit/sentences.py`, `_values`, lists
the values.
"""

# Events by name, then by reason code if the reason needs another sentence. An event without its own words
# gets a general sentence.
SENTENCES: dict[str, dict[str, str]] = {
    "submission.queued": {
        "": "{who} {asked} {deal}{where}{worth}.{more}",
        "busy": "Slant asked {who} to {warn:slow down}; {deal} waits.",
        "unreachable": "{who} {warn:could not reach Slant}; {deal} waits.",
        "token_refused": "Slant {bad:refused access} to {who}; {deal} waits.",
        "token_read_only": "Slant lets {who} {bad:only read}; {deal} waits.",
        "absent": "{who} looked in Slant and {deal} is not there; it will be sent once more.",
        "send_again": "{who} decided a review: send {deal} again.{reason}",
    },
    "submission.sending": {"": "{who} started sending {deal} to Slant, attempt {attempt}."},
    "submission.unknown": {
        "": "{who} is {warn:not sure} whether {deal} reached Slant.",
        "no_answer": "{who} sent {deal} to Slant and {warn:got no answer}.",
        "lease_expired": "{who} {warn:was interrupted} while sending {deal}.",
        "recovered": "{who} recovered the database: {deal} {warn:may have been sent} before.",
        "stale_proof": "{who} {warn:is looking once more} before sending {deal} again.",
        "mismatch": "Slant answered {who} with {warn:different values} from those sent for {deal}.",
        "unit_alarm": "Slant recorded {bad:a different value} from the one {who} sent for {deal}.",
        "twin": "Slant answered {who} with {warn:the record of an equal submission} to {deal}: it needs "
        "another key.",
        "not_shown": "Slant accepted {deal} from {who} and {warn:did not show all} that was sent.",
    },
    "submission.review": {
        "": "{who} {warn:cannot tell} what became of {deal}: a manager has to decide.",
        "sent_in_vain": "{who} sent {deal} {bad:three times without an answer} and stopped: a manager has "
        "to decide.",
        "too_long": "{who} could not find {deal} {warn:in two hours of looking}: a manager has to decide.",
    },
    "submission.confirmed": {
        "": "Slant accepted {deal}: {who} {did} it{where}{record}.",
        "found": "{who} found {deal} in Slant{record}: the answer had been lost.",
        "linked": "{who} decided a review: linked {deal}{record}.{reason}",
    },
    "submission.rejected": {
        "": "Slant {bad:refused} {deal}.{reason}",
        "forbidden_book": "Slant {bad:does not let} {who} make changes in the book of {deal}.{reason}",
        "date_passed": "{who} {bad:did not send} {deal}: its close date had passed.",
        "conflict": "{who} {bad:did not send} the change to {deal}: someone had changed it in Slant.{reason}",
    },
    "submission.withdrawn": {
        "": "{who} withdrew {deal} before it was sent.",
        "closed": "{who} decided a review: closed {deal} without a record.{reason}",
    },
    "submission.still_wanted": {"": "{who} confirmed that {deal} should still be sent."},
    "opportunity.lost_reason": {"": "{who} recorded why {deal} was lost.{reason}"},
    "bulk.asked": {"": "{who} asked to change {rows:deal} at once."},
    "client_data.viewed": {"": "{who} looked at {deal}."},
    "client_data.exported": {"": "{who} exported {rows:row} of {thing} as {format}."},
    "report.exported": {"": "{who} exported the report {thing} as {format}, {rows:row}."},
    "target.set": {"": "{who} set the target of {thing} to {amount}."},
    "target.removed": {"": "{who} removed the target of {thing}."},
    "access.denied": {
        "": "{who} was {bad:denied} {page}.",
        "role": "{who} was {bad:denied} {page}: it is not for their role.",
        "out_of_reach": "{who} was {bad:denied} {page}: they cannot reach it, or it does not exist.",
        "no_group": "{who} was {bad:denied} access: they are not in any Slantweb group.",
        "forged_form": "{who} was {bad:denied} {page}: the form did not come from Slantweb.",
    },
    "limit.reached": {"": "{who} was {warn:rate-limited} ({thing})."},
    "person.signed_in": {"": "{who} signed in as {roles}."},
    "person.refused": {
        "": "{who} was {bad:not let in}.",
        "no_group": "{who} was {bad:not let in}: they are not in any Slantweb group.",
        "groups_left_out": "{who} was {bad:not let in}: the provider had too many groups to send.",
    },
    "person.signed_out": {
        "": "{who} signed out.",
        "idle": "{who} was signed out after a time of inactivity.",
        "absolute": "{who} was signed out when the session reached its time limit.",
        "elsewhere": "{who} ended a session of theirs in another browser.",
        "manager": "{who} signed {person} out of a browser.",
        "provider": "{who} signed {person} out.",
    },
    "person.roles_changed": {"": "{who}'s roles changed: {roles}."},
    "person.linked": {"": "{who} linked {person} to a Slant user."},
    "person.unlinked": {"": "{who} had {person} matched to Slant by e-mail again."},
    "stage.set": {"": "{who} set what the stage {stage} means, or when deals in it are stale."},
    "sending.held": {"": "{who} {warn:stopped all sending}.{reason}"},
    "sending.released": {"": "{who} resumed sending.{reason}"},
    "database.recovered": {
        "": "{who} recovered the database: {doubted:open submission} to be looked for in Slant.{reason}"
    },
    "connection.adopted": {"": "{who} went on with the token of another Slant user, {thing}."},
    "reconcile.ran": {"": "{who} checked for duplicates: {doubles} found."},
    "probe.writing": {"": "{who} started testing Slant with a test deal."},
    "probe.ran": {"": "{who} tested Slant with {calls:call}."},
    "sync.ran": {
        "": "{who} is up to date with Slant.",
        "failing": "{who} {warn:cannot read Slant}.{reason}",
    },
    "audit.verified": {
        "": "{who} checked the trail: {events:event}, {good:all as they were written}.",
        "failed": "{who} checked the trail and found it {bad:altered} at {first_bad}.{reason}",
    },
    "audit.export_started": {"": "{who} started exporting the trail as {thing}."},
    "audit.exported": {
        "": "{who} exported {count:event} of the trail as {thing}.",
        "broken_off": "{who} started an export of the trail that {warn:broke off} after {count:event}.",
    },
}
PLAIN = "{who}: {action} {deal}."

# What a submission asks for, by kind, and what it did once Slant confirmed it.
ASKED = {"create": "entered", "edit": "asked to change", "move": "asked to move"}
DID = {"create": "created", "edit": "saved", "move": "moved"}

# The choices of the filter "What", with their events. An event without a choice appears under its own name.
WHAT = {
    "deals": ("Deals sent", "submission.", "bulk.", "opportunity."),
    "viewed": ("Viewed", "client_data.viewed"),
    "denied": ("Denied", "access.", "limit."),
    "people": ("People and sign-in", "person."),
    "sending": ("Sending", "sending.", "database.", "connection.", "probe."),
    "settings": ("Stages and targets", "stage.", "target."),
    "exports": ("Exports", "audit.export", "client_data.exported", "report.exported"),
    "checks": ("Checks", "audit.verified", "reconcile.", "sync."),
}
OUTCOME = {
    "trouble": "Refused or not sure",
    "refused": "Refused",
    "doubt": "Not sure",
    "failed": "Failed",
    "good": "Succeeded",
}
MACHINES = {
    "worker": "Slantweb itself",
    "operator": "Server administrator",
    "system": "The system",
    "nobody": "Not signed in",
}
WORKER = "Slantweb"
OPERATOR = "{name} (server administrator)"

PAGES = {
    "submissions_review": "the review queue",
    "decide": "a decision in the review queue",
    "sending": "the page that stops sending",
    "people": "the page about people",
    "audit": "the audit trail",
    "audit_export": "an export of the trail",
    "submission": "a submission",
    "withdraw": "withdrawing a submission",
    "still_send": "a submission",
    "opportunity": "a deal",
    "edit": "a change to a deal",
    "move": "a move of a deal",
    "new": "the form for a new deal",
}

FIELDS = {
    "state": "State",
    "kind": "Kind",
    "reference": "Reference",
    "supersedes": "Corrects",
    "duplicate_of": "Similar to",
    "overwrote": "Replaced someone's change",
    "roles": "Roles",
    "member_id": "Member in Slant",
    "linked_by": "Linked by",
    "held": "Hold",
}

DATE_UNREADABLE = "Choose a day, or type it as year-month-day, like {example}."
DATES_SWAPPED = "The first day is after the last. Swap the two."

INTACT = "Chain intact through entry {last}, checked {at}; {newer}"
NEWER = {0: "no newer entry", 1: "1 newer entry is not checked yet"}
NEWER_MANY = "{newer} newer entries are not checked yet"
BROKEN = "Not intact: event {seq} is not as it was written, found {at}"
UNCHECKED = {1: "1 entry, not checked yet"}
UNCHECKED_MANY = "{count} entries, not checked yet"


def sentence(action: str, reason_code: str, outcome: str) -> str:
    """The words of an event; a reason without its own words has those of the event."""
    by_reason = SENTENCES.get(action, {"": PLAIN})
    return by_reason.get(reason_code) or by_reason.get(outcome) or by_reason[""]


def actions_of(choice: str) -> tuple[str, ...]:
    """The events of a choice of the filter "What"; an event's own name stands for that event."""
    if choice not in WHAT:
        return (choice,) if choice else ()
    prefixes = WHAT[choice][1:]
    return tuple(action for action in SENTENCES if action.startswith(prefixes))
