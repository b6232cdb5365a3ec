"""The sentences of the board."""

from datetime import date

from opportunities import dates

# Filters that could not be read

STALE_UNKNOWN = "Choose whether to show only stale deals."
MISSING_UNKNOWN = "Choose deals without a value, without a date, without either, or closed on no date."
VIEW_UNKNOWN = "Choose the board or the list."
CLOSE_UNREADABLE = "Choose one of the periods listed, or days like 2026-11-01..2026-11-30."
TOO_MANY_IDS = "A link can name at most {most} deals."
MAX_BELOW_MIN = "The highest value is below the lowest. Swap the two, or clear one."

# Money and days on cards


def card_day(value: date, today: date) -> str:
    """`Nov 30` this year, `Mar 2027` in another year: on a card the month is enough."""
    return dates.day(value, today) if value.year == today.year else dates.month(value)


# A deal whose change is not confirmed yet

MOVING = "Moving from {stage}…"
MOVING_BY = "{by} is moving it here from {stage}…"
SAVING = "Saving…"
SAVING_BY = "{by} is changing it…"
WAITS = "Waiting for Slant; it was in {stage}."
WAITS_EDIT = "A change to it is waiting for Slant."
UNSURE = "Slant may have this already: the answer got lost. Please do not move it again."
UNSURE_EDIT = "Slant may have the change already: the answer got lost. Please do not enter it again."
IN_REVIEW = "A manager will decide whether this arrived."
NOT_MOVED = "Still in {stage}: {why}"
NOT_SAVED = "Not changed: {why}"
REFUSED_BY_SLANT = "Slant refused it."
REFUSED_SAYING = "Slant said “{message}”."
REFUSED_BOOK = "Slant does not let Slantweb make changes in this book."
GONE = "it is no longer in Slant."
CHANGED_IN_SLANT = "someone changed it in Slant in the meantime."

# An address that names something that no longer exists

PIPELINE_GONE = "The pipeline “{name}” is no longer in Slant."
PIPELINE_EMPTY = "The pipeline “{name}” has no stages in Slant."
PIPELINE_LOST = "The pipeline in this address is no longer in Slant, or it is in a book you do not work in."
SHOWN_INSTEAD = "“{name}” is shown instead."
STAGE_LOST = "The stage{name} in this address is no longer in Slant, so no deals are in it."
STAGES_LOST = "{count} stages in this address are no longer in Slant, so no deals are in them."
BOOK_LOST = "The book in this address is no longer in Slant, or you do not work in it any more."
OWNER_LOST = (
    "The person in this address works in none of your books any more. Only deals that are still theirs are "
    "shown."
)
HOUSEHOLD_LOST = "The household in this address is no longer in Slant, or it is in none of your books."

# Stages that changed while a board or list was open

COLUMNS = {
    "changed": "Stages changed - show them",
    "shown": "The board shows the stages as they are in Slant now",
    "gone": "This pipeline is no longer in Slant - show what is there",
}

# Moving

STAGE_MISSING = "Choose the stage to move it to."
STAGE_NOT_HERE = "Choose one of the stages listed. The one sent with the form is not in this pipeline."
ALREADY_THERE = "It is already in {stage}. Choose another stage."
SEEN_MISSING = "This form is too old to send. Look at where the deal is now, and move it again."
REASON_MISSING = "Say in a few words why the deal was lost. It is kept here; Slant has no field for it."
REASON_TOO_LONG = "Shorten the reason to {most} characters."
FORM_NOT_YOURS = "This form was opened by someone else or is too old. Nothing was moved; press Move again."
FORM_SENT_BEFORE = (
    "This form was already sent with a different move, and that one was kept. Press Move again."
)
CANNOT_MOVE = "You can read this book but not change it. Nothing was moved."
CANNOT_WRITE = (
    "Slant does not let Slantweb make changes. Nothing was moved; a manager has to renew its access."
)
TOO_MANY_MOVES = "You have made a lot of moves in the last minute. Nothing was moved; try again in {wait}."
MOVED_MEANWHILE = "Someone moved it to {stage} in the meantime. Nothing was moved. Move it to {aim} anyway?"
CHANGED_MEANWHILE = "Someone changed its probability in the meantime. Nothing was moved. Move it anyway?"

REASONS = (
    "Chose another firm",
    "Fees",
    "Not the right time",
    "Staying with current firm",
    "Stopped responding",
)

MOVED = {
    "confirmed": "Moved {name} to {stage}",
    "queued": "{name} will move to {stage} as soon as Slant accepts it",
    "sending": "{name} is moving to {stage}; Slant has not answered yet",
    "unknown": "Not sure {name} arrived in {stage}: Slant's answer got lost, and we are still checking",
    "review": "A manager will decide about the move of {name} to {stage}",
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
VIEW_SAVED = "{name} is saved. Anyone with the link can open it."
VIEW_DELETED = "{name} was deleted. Its deals were not changed."
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


def closing(close: str) -> str:
    """A month or days of an address (`2026-11`, `2026-11-01..2026-11-30`), as the firm writes them."""
    if ".." not in close:
        return dates.month(date.fromisoformat(f"{close}-01"))
    first, last = (dates.long_day(date.fromisoformat(day)) if day else "" for day in close.split("..", 1))
    if first and last:
        return f"{first} to {last}"
    return f"from {first}" if first else f"up to {last}"


MISSINGS = {
    "value": "no value yet",
    "date": "no close date",
    "any": "no value or date",
    "closing": "no day it was won or lost",
}
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
LONGER_THAN_LIMIT = "in their stage longer than its limit"
CHOSEN = "{count} selected"
UNKNOWN_THERE = "not in your books"

# Created from the board

CREATED = {
    "confirmed": "{name} is in Slant",
    "queued": "{name} is saved and will be sent to Slant automatically",
    "sending": "{name} is saved and is being sent",
    "unknown": "Not sure {name} arrived. Please do not enter it again; we are still checking",
    "review": "A manager will decide about {name}. Please do not enter it again",
    "rejected": "Slant refused {name}. Nothing was created",
    "withdrawn": "{name} was withdrawn",
}
