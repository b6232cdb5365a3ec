"""What the page of a deal, its edit form, the list and bulk changes say. The voice is that of
`opportunities/wording/__init__.py`.
"""

from opportunities import wording
from opportunities.wording import Words

# One deal

NO_VALUE = "No value yet"
NO_DATE = "No date yet"
NO_OWNER = "No owner"
FORMER_OWNER = "Former member"
NO_HOUSEHOLD = "No household"
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

# Editing

NOT_CHANGED = "Nothing was changed: every field is as it was."
SAVED = {
    "confirmed": "{name} is saved in Slant.",
    "queued": "{name} is saved here and will be sent to Slant automatically.",
    "sending": "{name} is saved here and is being sent to Slant.",
    "unknown": "We are not sure your change to {name} arrived. Please do not enter it again; we are still checking.",
    "review": "A manager will decide what becomes of your change to {name}.",
    "rejected": "Slant refused your change to {name}. Nothing was changed.",
    "withdrawn": "Your change to {name} was withdrawn. Nothing was changed; open the form again to change it.",
}
EDIT_TOO_OFTEN = "You have made a lot of changes in the last minute. Nothing was sent; try again in {wait}."
FORM_NOT_YOURS = (
    "This form was opened by someone else or is too old. Nothing was sent; check it and press Save again."
)
FORM_SENT_BEFORE = (
    "This form was already sent with different content, and that change was kept. "
    "If this is a second change, check it and press Save again."
)
CONFLICT_UNANSWERED = "Say whether your values replace what is there now: {fields}."
CONFLICT_BY = "{by} changed {fields} while you were editing."
CONFLICT_BY_NOBODY = "Someone changed {fields} in Slant while you were editing."
CONFLICT_WAITING = "{by} changed {fields} while you were editing; that change is on its way to Slant."
SLANT_REFUSED = (
    "Slant did not accept this change: {message} Nothing was changed. Check the fields and send it again."
)
SLANT_REFUSED_NO_WORDS = (
    "Slant did not accept this change and gave no reason. Nothing was changed. Check it or ask a manager."
)

# States of a change, where they read otherwise than those of a new deal (wording.SUBMISSION)

CHANGE: dict[str, dict[str, dict[str, Words]]] = {
    "edit": {
        "confirmed": {
            "": Words("Saved in Slant", "{name} has the new values in Slant.", "check-lg", "good"),
            "found": Words(
                "Saved in Slant",
                "The answer got lost, but we looked: {name} has the new values in Slant.",
                "check-lg",
                "good",
            ),
            "linked": Words("Saved in Slant", "A manager settled it: {name} is saved.", "check-lg", "good"),
        },
        "unknown": {
            "": Words(
                "We are not sure it arrived",
                "Slant may have the change already: the answer got lost. Please do not enter it again. We look {at}.",
                "question-lg",
                "warn",
            ),
        },
    },
    "move": {
        "confirmed": {
            "": Words("Moved in Slant", "{name} is now{where} in Slant.", "check-lg", "good"),
            "found": Words(
                "Moved in Slant",
                "The answer got lost, but we looked: {name} is now{where} in Slant.",
                "check-lg",
                "good",
            ),
            "linked": Words("Moved in Slant", "A manager settled it: {name} is moved.", "check-lg", "good"),
        },
        "unknown": {
            "": Words(
                "We are not sure it arrived",
                "Slant may have moved it already: the answer got lost. Please do not move it again. We look {at}.",
                "question-lg",
                "warn",
            ),
        },
    },
}
CHANGE_REFUSED = {
    "": Words("Slant refused it", "Nothing was changed. Open the deal and try again.", "x-lg", "bad"),
    "forbidden_book": Words(
        "Slant refused it",
        "Slant does not let Slantweb make changes in {book}. Nothing was changed. Ask the principal of the book.",
        "x-lg",
        "bad",
    ),
    "date_passed": Words(
        "Its close date has passed",
        "While this waited, its target close date passed, and Slant accepts only future dates. Nothing was changed.",
        "x-lg",
        "bad",
    ),
    "conflict": Words(
        "Someone changed it first",
        "The same field was changed in Slant after you looked, so yours did not overwrite it. Open the deal and "
        "decide again.",
        "x-lg",
        "bad",
    ),
}
CHANGE_WITHDRAWN = {
    "": Words("Withdrawn", "It was withdrawn before it was sent. Nothing was changed.", "x-lg"),
    "closed": Words("Closed", "A manager closed this: nothing more of it will be sent.", "x-lg"),
}
REFUSED_BECAUSE = "Slant said: “{message}”. Nothing was changed. Open the deal and try again."


def submission(kind: str, state: str, reason_code: str = "") -> Words:
    """The words of a submission's state by what was asked for; new deals read as `wording.submission()`."""
    by_reason = CHANGE.get(kind, {}).get(state)
    if kind != "create" and state == "rejected":
        by_reason = CHANGE_REFUSED
    elif kind != "create" and state == "withdrawn":
        by_reason = CHANGE_WITHDRAWN
    if by_reason is None or (state == "unknown" and reason_code in wording.SUBMISSION[state]):
        return wording.submission(state, reason_code)
    return by_reason.get(reason_code, by_reason[""])


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def and_list(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# The list and bulk changes

COLUMNS = {
    "name": "Deal",
    "household": "Household",
    "stage": "Stage",
    "value": "Value",
    "probability": "Prob.",
    "weighted": "Weighted",
    "close": "Close",
    "since": "In stage",
    "owner": "Owner",
}

BULK_NOTHING_CHOSEN = "Choose at least one deal."
BULK_TOO_MANY = "Choose at most {most} deals at once. {count} were chosen; nothing was changed."
BULK_NO_TARGET = "Choose the stage to move them to, or a new owner."
BULK_BOTH = "Choose either a stage or an owner, not both. Nothing was changed."
BULK_STAGE_UNKNOWN = "Choose one of the stages listed. The one sent with the form is not among them."
BULK_OWNER_UNKNOWN = (
    "Choose one of the people listed. The one sent with the form does not work in any of your books."
)
BULK_SENT_BEFORE = (
    "This form was already sent with other deals or another choice. Check the deals and send it again."
)
BULK_NOT_YOURS = (
    "This form was opened by someone else or is too old. Nothing was changed; choose the deals again."
)
BULK_TOO_OFTEN = (
    "You have made a lot of bulk changes in the last minute. Nothing was changed; try again in {wait}."
)

BULK_TITLE = {"move": "Moving {deals} to {target}", "edit": "Assigning {deals} to {target}"}
BULK_REFUSED = {
    "out_of_reach": "It no longer exists, or it is in a book you cannot change.",
    "already": "It is already there, so nothing was sent.",
    "already_owner": "They already own it, so nothing was sent.",
    "other_pipeline": "It is in another pipeline, which has no stage {target}.",
    "not_in_book": "{target} does not work in its book.",
    "conflict": "Someone changed it after you opened the list, so it was left as it is now.",
    "lost_reason": "Moving to {target} needs a reason.",
}
BULK_LOST_REASON = "Say in a few words why these deals were lost."
