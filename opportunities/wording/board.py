"""What the board says. The voice is that of `opportunities/wording/__init__.py`."""

from datetime import date

# Filters that could not be read

STALE_UNKNOWN = "Stale deals are chosen with stale=1."
MISSING_UNKNOWN = "Choose deals without a value, without a date, or without either."
VIEW_UNKNOWN = "Choose the board or the list."
CLOSE_UNREADABLE = "Choose one of the periods listed, or days like 2026-11-01..2026-11-30."
TOO_MANY_IDS = "A link can name at most {most} deals."
MAX_BELOW_MIN = "The highest value is below the lowest. Swap the two, or clear one."

# Money and days on cards


def card_day(value: date, today: date) -> str:
    """`30 Nov` this year, `Mar 2027` in another: on a card the month says enough."""
    return f"{value.day} {value:%b}" if value.year == today.year else f"{value:%b %Y}"


# Figures

SHARE_OF_OPEN = "{percent}% of open"

# A deal on its way

MOVING = "Moving from {stage}…"
MOVING_BY = "{by} moves it here from {stage}…"
SAVING = "Being saved…"
SAVING_BY = "{by} changes it…"
WAITS = "Waits for Slant; it was in {stage}."
WAITS_EDIT = "A change of it waits for Slant."
UNSURE = "Slant may have this already: the answer got lost. Please do not move it again."
UNSURE_EDIT = "Slant may have the change already: the answer got lost. Please do not enter it again."
IN_REVIEW = "A manager decides whether this arrived."
NOT_MOVED = "Still in {stage}: {why}"
NOT_SAVED = "Not changed: {why}"
REFUSED_BY_SLANT = "Slant refused it."
REFUSED_SAYING = "Slant said “{message}”."
REFUSED_BOOK = "Slant does not let Slantweb write in this book."
CHANGED_IN_SLANT = "somebody changed it in Slant meanwhile."

# Moving

STAGE_MISSING = "Choose the stage to move it to."
STAGE_NOT_HERE = "Choose one of the stages listed. The one sent with the form is not in this pipeline."
ALREADY_THERE = "It is in {stage} already. Choose another stage."
SEEN_MISSING = "This form is too old to send. Look at where the deal is now, and move it again."
REASON_MISSING = "Say in a few words why the deal was lost. It is kept here; Slant has no place for it."
REASON_TOO_LONG = "Shorten the reason to {most} characters."
FORM_NOT_YOURS = "This form was opened by somebody else or is too old. Nothing was moved; press Move again."
FORM_SENT_BEFORE = "This form was sent before with another move, and that one is kept. Press Move again."
CANNOT_MOVE = "You can read this book but not change it. Nothing was moved."
CANNOT_WRITE = "Slant does not let Slantweb write. Nothing was moved; a manager has to renew its access."
TOO_MANY_MOVES = (
    "That is more moves in a minute than Slantweb takes from one person. Go on in {wait} seconds."
)
MOVED_MEANWHILE = (
    "Somebody moved it to {stage} meanwhile. Nothing was moved; say if it shall go to {aim} all the same."
)
CHANGED_MEANWHILE = (
    "Somebody changed its probability meanwhile. Nothing was moved; say if it shall be moved all the same."
)

REASONS = ("Chose another firm", "Fees", "Not the right time", "Stays where it is", "No answer any more")

MOVED = {
    "confirmed": "Moved {name} to {stage}",
    "queued": "{name} goes to {stage} as soon as Slant takes it",
    "sending": "{name} goes to {stage}; Slant has not answered yet",
    "unknown": "Not sure {name} arrived in {stage}: Slant's answer got lost, and we keep looking",
    "review": "A manager decides about the move of {name} to {stage}",
    "rejected": "{name} was not moved",
    "withdrawn": "{name} was not moved",
}
TAKEN_BACK = "{name} stays in {stage}: the move was withdrawn"
MOVED_BACK = "Moved {name} back to {stage}"
NOT_REFUSED = "{name} was not moved: {why}"

# Saved views

VIEW_NAME_MISSING = "Give the view a name."
VIEW_NAME_TOO_LONG = "Shorten the name to 80 characters."
VIEW_TOO_LONG = "This selection is too long to keep. Use fewer filters."
VIEW_SAVED = "{name} is saved. Whoever has its link can open it."
VIEW_DELETED = "{name} is deleted. Nothing happened to its deals."
MOST_VIEWS = "You have {most} views. Delete one first."

# Filters in words

ME_WORDS, NOBODY_WORDS = "me", "nobody"
CLOSES = {
    "overdue": "past",
    "this-month": "this month",
    "next-month": "next month",
    "this-quarter": "this quarter",
    "next-quarter": "next quarter",
}
MISSINGS = {"value": "no value yet", "date": "no close date", "any": "no value or date"}
CHIPS = {
    "book": "Book",
    "owner": "Owner",
    "household": "Household",
    "q": "Text",
    "min": "From",
    "max": "Up to",
    "close": "Closing",
    "missing": "Missing",
    "stale": "Stale",
    "stage": "Stages",
    "ids": "Deals",
}
LONGER_THAN_LIMIT = "longer in their stage than its limit"
CHOSEN = "{count} chosen"
UNKNOWN_THERE = "not in your books"

# Created from the board

CREATED = {
    "confirmed": "{name} is in Slant",
    "queued": "{name} is saved and goes to Slant by itself",
    "sending": "{name} is saved and being sent",
    "unknown": "Not sure {name} arrived. Please do not enter it again; we keep watching it",
    "review": "A manager decides about {name}. Please do not enter it again",
    "rejected": "Slant refused {name}. Nothing was created",
    "withdrawn": "{name} was withdrawn",
}
