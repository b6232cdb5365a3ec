"""How the audit trail speaks: one sentence an event, and the words of its filters, fields and facts.

A sentence names who did it and what happened to what; the rest is in the opened line. `{warn:...}`, `{bad:...}` and
`{good:...}` tone the words after the colon; every other name in braces is filled in and stands out. Which values there
are: `selectors/audit/sentences.py`, `_values`.
"""

# Events, by name; then by reason code, where that says it better. An event without words of its own is told plainly.
SENTENCES: dict[str, dict[str, str]] = {
    "submission.queued": {
        "": "{who} {asked} {deal}{where}{worth}.{more}",
        "busy": "Slant asked {who} to {warn:slow down}; {deal} waits.",
        "unreachable": "{who} {warn:could not reach Slant}; {deal} waits.",
        "token_refused": "Slant {bad:refused the access} of {who}; {deal} waits.",
        "token_read_only": "Slant lets {who} {bad:only read}; {deal} waits.",
        "absent": "{who} looked through Slant and {deal} is surely not there; it goes out once more.",
        "send_again": "{who} decided a review: send {deal} again.{reason}",
    },
    "submission.sending": {"": "{who} sends {deal} to Slant, attempt {attempt}."},
    "submission.unknown": {
        "": "{who} is {warn:not sure} whether {deal} reached Slant.",
        "no_answer": "{who} sent {deal} to Slant and {warn:got no answer}.",
        "lease_expired": "{who} {warn:was interrupted} while sending {deal}.",
        "recovered": "{who} recovered the database: {deal} {warn:may have been sent} before.",
        "stale_proof": "{who} {warn:looks once more} before it sends {deal} again.",
        "mismatch": "Slant answered {who} with {warn:other values} than {deal} was sent with.",
        "unit_alarm": "Slant answered {who} with {bad:another value} than {deal} was sent with.",
    },
    "submission.review": {"": "{who} {warn:cannot decide} what became of {deal}: a manager has to."},
    "submission.confirmed": {
        "": "Slant took {deal}: {who} {did} it{where}{record}.",
        "found": "{who} found {deal} in Slant{record}: the answer had got lost.",
        "linked": "{who} decided a review: linked {deal}{record}.{reason}",
    },
    "submission.rejected": {
        "": "Slant {bad:refused} {deal}.{reason}",
        "forbidden_book": "Slant {bad:does not let} {who} write in the book of {deal}.{reason}",
        "date_passed": "{who} {bad:did not send} {deal}: its close date had passed.",
        "conflict": "{who} {bad:did not send} the change of {deal}: somebody had changed it in Slant.{reason}",
    },
    "submission.withdrawn": {
        "": "{who} took back {deal} before it was sent.",
        "closed": "{who} decided a review: closed {deal} without a record.{reason}",
    },
    "submission.still_wanted": {"": "{who} said that {deal} is still to be sent."},
    "opportunity.lost_reason": {"": "{who} wrote down why {deal} was lost.{reason}"},
    "bulk.asked": {"": "{who} asked to change {rows} deals at once."},
    "client_data.viewed": {"": "{who} looked at {deal}."},
    "client_data.exported": {"": "{who} exported {rows} rows of {thing} as {format}."},
    "report.exported": {"": "{who} exported the report {thing} as {format}, {rows} rows."},
    "target.set": {"": "{who} set the target of {thing} to {amount}."},
    "target.removed": {"": "{who} removed the target of {thing}."},
    "access.denied": {
        "": "{who} was {bad:denied} {page}.",
        "role": "{who} was {bad:denied} {page}: it is not for their role.",
        "out_of_reach": "{who} was {bad:denied} {page}: it is out of their reach, or does not exist.",
        "no_group": "{who} was {bad:denied} entry: they are in no group of Slantweb.",
        "forged_form": "{who} was {bad:denied} {page}: the form was not one of ours.",
    },
    "limit.reached": {"": "{who} was {warn:held up}: too much at once ({thing})."},
    "person.signed_in": {"": "{who} signed in as {roles}."},
    "person.refused": {
        "": "{who} was {bad:not let in}.",
        "no_group": "{who} was {bad:not let in}: they are in no group of Slantweb.",
        "groups_left_out": "{who} was {bad:not let in}: the provider had too many groups to send.",
    },
    "person.signed_out": {
        "": "{who} signed out.",
        "idle": "{who} was signed out after a time without a request.",
        "absolute": "{who} was signed out at the end of the day's session.",
    },
    "person.roles_changed": {"": "{who} has other roles now: {roles}."},
    "person.linked": {"": "{who} said who {person} is in Slant."},
    "person.unlinked": {"": "{who} let {person} be found in Slant by e-mail again."},
    "stage.set": {"": "{who} set what the stage {stage} means, or when deals in it are stale."},
    "sending.held": {"": "{who} {warn:stopped all sending}.{reason}"},
    "sending.released": {"": "{who} let sending go on.{reason}"},
    "database.recovered": {
        "": "{who} recovered the database: {doubted} open submissions are looked for in Slant.{reason}"
    },
    "reconcile.ran": {"": "{who} looked for doubles in Slant: {doubles} found."},
    "probe.writing": {"": "{who} began to try Slant out with a test deal."},
    "probe.ran": {"": "{who} tried Slant out with {calls} calls."},
    "sync.ran": {
        "": "{who} keeps up with Slant.",
        "failing": "{who} {warn:cannot read Slant}.{reason}",
    },
    "audit.verified": {
        "": "{who} checked the trail: {events} events, {good:all as they were written}.",
        "failed": "{who} checked the trail and found it {bad:altered} at {first_bad}.{reason}",
    },
    "audit.export_started": {"": "{who} began to export the trail as {thing}."},
    "audit.exported": {
        "": "{who} exported {count} events of the trail as {thing}.",
        "broken_off": "{who} began an export of the trail and {warn:broke it off} after {count} events.",
    },
}
PLAIN = "{who}: {action} {deal}."

# What a submission asks for, by kind; and what it did once Slant took it.
ASKED = {"create": "entered", "edit": "asked to change", "move": "asked to move"}
DID = {"create": "created", "edit": "saved", "move": "moved"}

# The filter "What": each with the events it means. Events others add appear under their own names.
WHAT = {
    "deals": ("Deals sent", "submission.", "bulk.", "opportunity."),
    "viewed": ("Looked at", "client_data.viewed"),
    "denied": ("Denied", "access.", "limit."),
    "people": ("People and sign-in", "person."),
    "sending": ("Sending", "sending.", "database.", "probe."),
    "settings": ("Stages and targets", "stage.", "target."),
    "exports": ("Exports", "audit.export", "client_data.exported", "report.exported"),
    "checks": ("Checks", "audit.verified", "reconcile.", "sync."),
}
OUTCOME = {
    "trouble": "Refused or in doubt",
    "refused": "Refused",
    "doubt": "In doubt",
    "failed": "Failed",
    "good": "Went well",
}
MACHINES = {
    "worker": "Slantweb itself",
    "operator": "Somebody at the server",
    "system": "The system",
    "nobody": "Not signed in",
}
WORKER = "Slantweb"
OPERATOR = "{name} at the server"

PAGES = {
    "submissions_review": "the review queue",
    "decide": "a decision in the review queue",
    "sending": "the page that stops sending",
    "people": "the page about people",
    "audit": "the audit trail",
    "audit_export": "an export of the trail",
    "submission": "a submission",
    "withdraw": "taking a submission back",
    "still_send": "a submission",
    "opportunity": "a deal",
    "edit": "a change of a deal",
    "move": "a move of a deal",
    "new": "the form for a new deal",
}

FIELDS = {
    "state": "State",
    "kind": "Kind",
    "reference": "Reference",
    "supersedes": "Corrects",
    "duplicate_of": "Similar to",
    "overwrote": "Replaced what somebody changed",
    "roles": "Roles",
    "member_id": "Member in Slant",
    "linked_by": "Linked by",
    "held": "Hold",
}

DATE_UNREADABLE = "Choose a day, or type it as year-month-day, like {example}."
DATES_SWAPPED = "The first day is after the last. Swap the two."
EXPORT_TOO_OFTEN = "That were {times} exports within an hour. Nothing was taken; try again in {wait} s."

INTACT = "Chain intact: {count} entries, checked {at}"
BROKEN = "Not intact: event {seq} is not as it was written, found {at}"
UNCHECKED = "{count} entries, not checked yet"


def sentence(action: str, reason_code: str, outcome: str) -> str:
    """The words of an event; a reason without words of its own reads as the event's."""
    by_reason = SENTENCES.get(action, {"": PLAIN})
    return by_reason.get(reason_code) or by_reason.get(outcome) or by_reason[""]


def actions_of(what: str) -> tuple[str, ...]:
    """The events a choice of the filter "What" means; an event's own name means itself."""
    if what not in WHAT:
        return (what,) if what else ()
    prefixes = WHAT[what][1:]
    return tuple(action for action in SENTENCES if action.startswith(prefixes))
