"""The sentences of the form for a new deal, except those of its fields (`fields`)."""

FORM_NOT_YOURS = (
    "This form was opened by someone else or is too old. Nothing was sent; check it and press Create again."
)
FORM_SENT_BEFORE = (
    "This form was already sent with different content, and that deal was kept. "
    "If this is a second deal, check it and press Create again."
)
SLANT_REFUSED_BOOK = (
    "Slant does not let Slantweb make changes in {book}. Choose another book, or ask its principal."
)
SLANT_REFUSED_FIELD = "Slant did not accept this: {message}"
SLANT_REFUSED = (
    "Slant did not accept this deal: {message} Nothing was created. Check the fields and send it again."
)
SLANT_REFUSED_NO_WORDS = (
    "Slant did not accept this deal and gave no reason. Nothing was created. Check it or ask a manager."
)
DUPLICATE_UNANSWERED = "Say whether this is the deal {by} entered at {at}."
HOUSEHOLD_LEFT_BEHIND = "{household} belongs to another book, so it was removed."
PIPELINE_SWITCHED = "Changed to {pipeline}, because {household} is a {kind}."
PROBABILITY_FOLLOWS = "Empty follows the stage: {percent}%."
PROBABILITY_UNKNOWN = "Empty follows the stage, which has no probability of its own."
PROBABILITY_SLANT = "Empty follows the stage Slant chooses."
ADD_ANOTHER = {
    "confirmed": "{name} is in Slant. Here is the form for the next one.",
    "queued": "{name} is saved and will be sent to Slant automatically. Here is the form for the next one.",
    "sending": "{name} is saved and is being sent. Here is the form for the next one.",
    "unknown": "We are not sure {name} arrived. Please do not enter it again; we are still checking.",
    "review": "A manager will decide about {name}. Please do not enter it again. Here is the form for the "
    "next one.",
    "rejected": "Slant refused {name}. Nothing was created.",
    "withdrawn": "{name} was withdrawn and is not sent. Here is the form for the next one.",
}
TOO_MANY_DEALS = "You have entered a lot of deals in the last minute. Nothing was sent; try again in {wait}."
