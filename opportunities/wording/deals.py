"""The sentences of the page of a deal and of its edit form."""

from opportunities.deal_fields import label_of

# One deal

NO_VALUE = "No value yet"
NO_DATE = "No date yet"
NO_OWNER = "No owner"
FORMER_OWNER = "Former member"
NO_HOUSEHOLD = "No household"
HOUSEHOLD_GONE = " (no longer in Slant)"  # after its name
HOUSEHOLD_ELSEWHERE = "A household that is not in your books"
HOUSEHOLD_KEPT_HINT = "It cannot be chosen any more. Leave it as it is, or choose another one or none."
HOUSEHOLD_KEPT = "Leave as it is: {household}"
NO_PROBABILITY = "Not known"
NOT_WEIGHTED = "Not weighted"
BY_HAND = "set by hand, stage default {percent}%"
BY_HAND_NO_DEFAULT = "set by hand"
BY_STAGE = "follows the stage"
UNKNOWN_STAGE = "Another stage"
UNKNOWN_PIPELINE = "Another pipeline"
UNKNOWN = "unknown"

SEEN_BY_SYNC = "Seen by sync."
FIRST_SEEN = "had it when we first looked."
CREATED = "created it{with_value}."
GONE = "no longer has it."
BACK = "has it again."

BEFORE_US = "Earlier, not known"

PENDING = {
    "create": "Create it",
    "edit": "Change {what}",
    "move": "Move to {stage}",
}

READ_ONLY_TOKEN = "Slantweb itself can only read this book in Slant."  # noqa: S105 - a sentence
READ_ONLY_PERSON = "You can read this book but not change it."
READ_ONLY_PRINCIPAL = " Its principal is {principal}."
GONE_FROM_SLANT = "Slant no longer has this deal. It is shown as it last was and cannot be changed."

GONE_NOT_SENT = "{name} is no longer in Slant, so nothing was sent."
GONE_WHILE_EDITING = (
    "This deal is no longer in Slant, so nothing was changed. It has left the board and the list; its page "
    "shows it as it last was."
)

# Editing

NOT_CHANGED = "Nothing was changed: every field is as it was."
SAVED = {
    "confirmed": "{name} is saved in Slant.",
    "queued": "{name} is saved here and will be sent to Slant automatically.",
    "sending": "{name} is saved here and is being sent to Slant.",
    "unknown": "We are not sure your change to {name} arrived. Please do not enter it again; we are still "
    "checking.",
    "review": "A manager will decide what becomes of your change to {name}.",
    "rejected": "Slant refused your change to {name}. Nothing was changed.",
    "withdrawn": "Your change to {name} was withdrawn. Nothing was changed; open the form again to change "
    "it.",
}
EDIT_TOO_OFTEN = "You have made a lot of changes in the last minute. Nothing was sent; try again in {wait}."
FORM_NOT_YOURS = (
    "This form was opened by someone else or is too old. Nothing was sent; check it and press Save again."
)
FORM_SENT_BEFORE = (
    "This form was already sent with different content, and that change was kept. "
    "If this is a second change, check it and press Save again."
)
CONFLICT_UNANSWERED = "Choose your value or the one that is in Slant now: {fields}."
CONFLICT_BY = "{by} changed {fields} while you were editing."
CONFLICT_BY_NOBODY = "Someone changed {fields} in Slant while you were editing."
CONFLICT_WAITING = "{by} changed {fields} while you were editing; that change is on its way to Slant."
SLANT_REFUSED = (
    "Slant did not accept this change: {message} Nothing was changed. Check the fields and send it again."
)
SLANT_REFUSED_NO_WORDS = (
    "Slant did not accept this change and gave no reason. Nothing was changed. Check it or ask a manager."
)


PLACES = {
    "": "The whole record",
    "record": "The whole record",
    "pipeline": "Pipeline",
    "pipeline_stage": "Stage",
    "assigned_to": "Owner",
}


def place(name: str) -> str:
    """The word for a place in Slant's record: `pipeline_stage.id` is the stage."""
    field, _, inner = name.partition(".")
    label = PLACES.get(field) or label_of(field, field.replace("_", " ").capitalize())
    return f"{label}: {inner}" if inner and inner != "id" else label
