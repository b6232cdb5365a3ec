"""Every sentence people read that is not fixed in a template: field errors, states, reasons, troubles.

The rules of the voice: plain, short, no blame; say what happened, what it means for the deal, what to do.
"Deal" in running text, "opportunity" for the form and the record. Buttons name their result.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

# Numbers and times


def money(value: int) -> str:
    """`$640,000`; a minus is U+2212, which lines up with tabular figures."""
    return f"\u2212${-value:,}" if value < 0 else f"${value:,}"


def compact(value: float) -> str:
    """Three figures at most: `$640`, `$4.5K`, `$640K`, `$1.24M`, `$2.1B`; static/js/charts.js says the same."""
    whole = round(abs(value))
    sign = "\u2212" if value < 0 and whole else ""
    if whole < 1_000:
        return f"{sign}${whole}"
    for unit, letter in ((1_000, "K"), (1_000_000, "M"), (1_000_000_000, "B")):
        # What would round up to a thousand of a unit is one of the next.
        if whole < 999.5 * unit or letter == "B":
            places = max(0, 3 - len(str(whole // unit)))
            text = f"{whole / unit:.{places}f}"
            return f"{sign}${text.rstrip('0').rstrip('.') if '.' in text else text}{letter}"
    raise AssertionError("every amount has a unit")


def day(value: date, today: date) -> str:
    return f"{value.day} {value:%b}" if value.year == today.year else f"{value.day} {value:%b %Y}"


def long_day(value: date) -> str:
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime, now: datetime) -> str:
    """A moment in the firm's zone: the time alone today, else with its day."""
    local, today = timezone.localtime(value), timezone.localtime(now).date()
    return f"{local:%H:%M}" if local.date() == today else f"{day(local.date(), today)}, {local:%H:%M}"


def seconds(count: int) -> str:
    return "1 second" if count == 1 else f"{count} seconds"


# The form

LABELS = {
    "book_id": "Book",
    "household_id": "Household",
    "name": "Name",
    "value": "Value",
    "probability": "Probability",
    "target_close_date": "Target close",
    "pipeline_id": "Pipeline",
    "pipeline_type": "Kind of pipeline",
    "pipeline_stage_id": "Stage",
    "assigned_to_id": "Owner",
}

BOOK_MISSING = "Choose the book this deal belongs to."
BOOK_UNKNOWN = "Choose one of your books. The one sent with the form is not among them."
BOOK_READ_ONLY = "You can only read {book}. Choose a book you work in."
NAME_MISSING = "Give the deal a name your colleagues will recognise."
NAME_TOO_LONG = "Shorten the name to 255 characters. It has {length} now."
NAME_UNPRINTABLE = "Type the name again: it contains a character that cannot be shown."
VALUE_NOT_A_NUMBER = "Enter whole dollars, like 640,000, 640k or 1.2m."
VALUE_NOT_WHOLE = "Enter whole dollars, without cents."
VALUE_NEGATIVE = "Enter 0 or more, or leave the value empty until you know it."
VALUE_TOO_LARGE = "Enter at most $2,000,000,000. Slant does not accept more for one deal."
PROBABILITY_OUT_OF_RANGE = "Enter a whole number from 0 to 100."
DATE_UNREADABLE = "Choose a date, or type it as year-month-day, like {example}."
DATE_NOT_AHEAD = "Choose a date after today, {today}."
NO_WAY_TO_A_PIPELINE = (
    "Choose a pipeline, or choose a household or a kind of pipeline so that Slant can choose one."
)
PIPELINE_UNKNOWN = "Choose one of the pipelines listed. The one sent with the form is not among them."
PIPELINE_OF_ANOTHER_BOOK = "{pipeline} belongs to another book. Choose a pipeline of {book}."
PIPELINE_TYPE_UNKNOWN = "Choose prospects or clients."
STAGE_UNKNOWN = "Choose one of the stages listed. The one sent with the form is not among them."
STAGE_OF_ANOTHER_PIPELINE = "The stage {stage} does not belong to {pipeline}. Choose one of its stages."
STAGE_WITHOUT_PIPELINE = "A stage needs its pipeline. Choose the pipeline, or let Slant choose both."
HOUSEHOLD_UNKNOWN = "Choose a household from the list. The one sent with the form is not in your books."
HOUSEHOLD_NOT_PICKED = "Choose a household from the list, or clear what you typed there."
HOUSEHOLD_OF_ANOTHER_BOOK = "{household} is a household of another book. Choose one of {book}."
HOUSEHOLD_OF_WRONG_KIND = "{pipeline} takes only {kinds}, and {household} is a {kind}. Change one of the two."
OWNER_MISSING = "Choose who owns this deal: someone who works in the book."
OWNER_READS_ONLY = "{owner} only reads this book. Choose someone who works in it."
OWNER_UNKNOWN = "Choose one of the people listed. The one sent with the form does not work in this book."
FORM_NOT_YOURS = (
    "This form was opened by someone else or is too old. Nothing was sent; check it and press Create again."
)
FORM_SENT_BEFORE = (
    "This form was already sent with different content, and that deal was kept. "
    "If this is a second deal, check it and press Create again."
)
CANNOT_WRITE = (
    "Slant does not let Slantweb make changes. Nothing was sent; a manager has to renew its access."
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
    "review": "A manager will decide about {name}. Please do not enter it again. Here is the form for the next one.",
    "rejected": "Slant refused {name}. Nothing was created.",
    "withdrawn": "{name} was withdrawn and is not sent. Here is the form for the next one.",
}

# Troubles of the page itself, said by static/js/shell.js from data attributes

TROUBLE = {
    "offline": "Slantweb cannot be reached. What you typed is still on this page; try again in a moment.",
    "slow": "Slantweb is taking too long to answer. Nothing is lost; try again in a moment.",
    "signedout": "You are signed out. Sign in again to continue.",
    "forbidden": "You are not allowed to do this, or the page is too old. Reload it and try again.",
    "missing": "This is no longer there, or it is in a book you do not work in.",
    "broken": "Something went wrong on our side. Nothing you sent is lost; try again in a moment.",
}


# Submissions


@dataclass(frozen=True)
class Words:
    """How a state is told: `sentence` may name {at} (when it is sent or looked for), {name}, {where}, {book}."""

    title: str
    sentence: str
    icon: str
    tone: str = ""


DEFAULT = ""

# First by state, then by reason code; the empty code is the state's own words.
SUBMISSION: dict[str, dict[str, Words]] = {
    "queued": {
        DEFAULT: Words(
            "Waiting its turn", "It is saved here and will be sent to Slant in a moment.", "clock"
        ),
        "waiting_turn": Words(
            "Waiting its turn",
            "An earlier change to the same deal goes first. We send this by ourselves; you can leave the page.",
            "clock",
        ),
        "busy": Words(
            "Waiting its turn",
            "Slant asked us to slow down. We send this by ourselves {at}; you can leave the page.",
            "clock",
        ),
        "budget": Words(
            "Waiting its turn",
            "We have used all the calls Slant allows in an hour. We send this by ourselves {at}; "
            "you can leave the page.",
            "clock",
        ),
        "unreachable": Words(
            "Waiting for Slant",
            "Slant does not answer. We send this by ourselves {at}; you can leave the page.",
            "cloud-slash",
            "warn",
        ),
        "stopped": Words(
            "Sending is stopped",
            "A manager stopped all sending. This is kept and goes out when sending starts again.",
            "clock",
            "warn",
        ),
        "unit_alarm": Words(
            "Sending is stopped",
            "Slant recorded another deal at 100 times its value, or a hundredth of it, so nothing is sent until a manager "
            "has checked. This is kept.",
            "exclamation-triangle-fill",
            "warn",
        ),
        "token_refused": Words(
            "Waiting for access to Slant",
            "Slant no longer accepts our connection. The managers know; this is kept and goes out once it is renewed.",
            "lock",
            "warn",
        ),
        "token_read_only": Words(
            "Waiting for access to Slant",
            "Slant lets us read but not make changes. The managers know; this is kept and goes out once that is changed.",
            "lock",
            "warn",
        ),
        "restored": Words(
            "Sending is stopped",
            "This database was restored or copied, so nothing is sent until an administrator has checked. This is kept.",
            "clock",
            "warn",
        ),
        "other_slant": Words(
            "Sending is stopped",
            "We are connected to another Slant, or as another user, so nothing is sent until an administrator has checked. "
            "This is kept.",
            "clock",
            "warn",
        ),
        "absent": Words(
            "Waiting to be sent again",
            "We looked in Slant and it is not there, so we will send it once more {at}.",
            "clock",
        ),
        "send_again": Words(
            "Waiting to be sent again",
            "A manager decided to send it again. We look in Slant once more first.",
            "clock",
        ),
        "still_send": Words(
            "Still send this?",
            "It could not be sent for more than a day, so it is waiting for you to confirm.",
            "clock-history",
            "warn",
        ),
    },
    "sending": {
        DEFAULT: Words("Sending to Slant", "This usually takes under two seconds.", "arrow-repeat", "accent"),
        "late": Words(
            "Saved, still working",
            "Slant is taking longer than usual to answer. You can leave the page; nothing is lost.",
            "clock",
            "accent",
        ),
    },
    "unknown": {
        DEFAULT: Words(
            "We are not sure it arrived",
            "Slant may have it already: the answer got lost. Please do not enter it again. We look {at}.",
            "question-lg",
            "warn",
        ),
        "lease_expired": Words(
            "We are not sure it arrived",
            "Slant may have it already: we were interrupted while sending. Please do not enter it again. We look {at}.",
            "question-lg",
            "warn",
        ),
        "recovered": Words(
            "We are not sure it arrived",
            "Slant may have it already: our database was restored from a copy. Please do not enter it again. "
            "We look {at}.",
            "question-lg",
            "warn",
        ),
        "stale_proof": Words(
            "We are checking with Slant",
            "Before it is sent again we look once more. Please do not enter it again. We look {at}.",
            "question-lg",
            "warn",
        ),
        "mismatch": Words(
            "We are checking with Slant",
            "Slant has something, but with different values from the ones we sent. Please do not enter it again. "
            "We look {at}.",
            "question-lg",
            "warn",
        ),
        "twin": Words(
            "We are checking with Slant",
            "The same deal was entered twice, and Slant has one of them so far. Please do not enter it again. We look again {at}.",
            "question-lg",
            "warn",
        ),
        "not_shown": Words(
            "We are checking with Slant",
            "Slant has it, but did not show everything we sent. Please do not enter it again. We look again {at}.",
            "question-lg",
            "warn",
        ),
        "unit_alarm": Words(
            "Slant recorded a different value",
            "Slant has it at 100 times the value we sent, or a hundredth of it. Please do not enter it again. "
            "The managers know, and nothing else is sent until they have checked.",
            "exclamation-triangle-fill",
            "warn",
        ),
    },
    "review": {
        DEFAULT: Words(
            "A manager decides",
            "Slant has something like this, so we neither link nor send by ourselves. Please do not enter it again.",
            "people",
            "warn",
        ),
        "changed_meanwhile": Words(
            "A manager decides",
            "Slant has this with different values from the ones we sent: someone may have changed it. Please do not enter it again.",
            "people",
            "warn",
        ),
        "incomplete_scan": Words(
            "A manager decides",
            "The list in Slant kept changing while we read it, so we cannot be sure. Please do not enter it again.",
            "people",
            "warn",
        ),
        "no_budget": Words(
            "A manager decides",
            "We had no calls to Slant left to look for it. Please do not enter it again.",
            "people",
            "warn",
        ),
        "too_long": Words(
            "A manager decides",
            "For two hours we could not find out whether Slant has it. Please do not enter it again.",
            "people",
            "warn",
        ),
        "sent_in_vain": Words(
            "A manager decides",
            "It was sent three times, Slant failed each time and does not show it, so we stopped. "
            "Please do not enter it again.",
            "people",
            "warn",
        ),
        "cannot_list": Words(
            "A manager decides",
            "Slant does not let us look for it, so we cannot be sure. Please do not enter it again.",
            "people",
            "warn",
        ),
    },
    "confirmed": {
        DEFAULT: Words("Created in Slant", "{name} is in Slant{where}.", "check-lg", "good"),
        "found": Words(
            "Created in Slant",
            "The answer got lost, but we found it: {name} is in Slant{where}.",
            "check-lg",
            "good",
        ),
        "linked": Words(
            "Created in Slant", "A manager found it: {name} is in Slant{where}.", "check-lg", "good"
        ),
    },
    "rejected": {
        DEFAULT: Words(
            "Slant refused it", "Nothing was created. Correct it and send it again.", "x-lg", "bad"
        ),
        "forbidden_book": Words(
            "Slant refused it",
            "Slant does not let Slantweb make changes in {book}. Nothing was created. Ask the principal of the book.",
            "x-lg",
            "bad",
        ),
        "date_passed": Words(
            "Its close date has passed",
            "While this waited, its target close date passed, and Slant accepts only future dates. Nothing was created.",
            "x-lg",
            "bad",
        ),
    },
    "withdrawn": {
        DEFAULT: Words("Withdrawn", "It was withdrawn before it was sent. Nothing was created.", "x-lg"),
        "closed": Words("Closed without a record", "A manager closed this: it is not in Slant.", "x-lg"),
    },
}

# What {at} is where no time is known or it has come already; else `AT`.
SOON = "in a moment"
AT = "at about {time}"

STATE_SHORT = {
    "queued": ("Waiting", "clock", ""),
    "sending": ("Sending", "arrow-repeat", "accent"),
    "unknown": ("Not sure it arrived", "question-circle-fill", "warn"),
    "review": ("A manager decides", "people", "warn"),
    "confirmed": ("Created", "check-circle-fill", "good"),
    "rejected": ("Refused", "x-circle-fill", "bad"),
    "withdrawn": ("Withdrawn", "archive-fill", ""),
}

# `confirmed` is told by what was asked for.
CONFIRMED_BY_KIND = {"create": "Created", "edit": "Saved", "move": "Moved"}


def state_short(kind: str, state: str) -> tuple[str, str, str]:
    """Words, icon and tone of a state where there is room for no more."""
    words, icon, tone = STATE_SHORT[state]
    return (CONFIRMED_BY_KIND[kind] if state == "confirmed" else words), icon, tone


OUTCOME = {
    "": "No answer yet",
    "ok": "Slant accepted it",
    "rejected": "Slant refused it",
    "forbidden": "Slant does not let us make changes there",
    "refused_us": "Slant did not accept our connection",
    "busy": "Slant asked us to slow down",
    "unreachable": "Slant could not be reached; nothing was sent",
    "no_answer": "The answer got lost",
    "abandoned": "We were interrupted while sending",
}

REFUSED_BECAUSE = "Slant said: “{message}”. Nothing was created. Correct it and send it again."

TOO_LATE = "It can no longer be withdrawn: it is being sent, or may have reached Slant."
# Codes that read the same.
SAME = {"held": "stopped", "copied": "restored", "other_owner": "other_slant"}

STILL_SENT = "{name} will be sent as soon as Slant accepts it."


def submission(state: str, reason_code: str = "") -> Words:
    """The words of a state and reason; a code without words of its own reads as its state."""
    by_reason = SUBMISSION[state]
    return by_reason.get(SAME.get(reason_code, reason_code), by_reason[DEFAULT])


# Deciding and stopping

REASON_MISSING = "Say why in a few words. The reason is kept in the trail."
REASON_TOO_LONG = "Shorten the reason."
DECISION_MISSING = "Choose what to do with it."
DECIDED_ALREADY = "It was settled in the meantime: {words}."
MORE_FOUND = (
    "Something more was found in Slant that you were not shown. Look at it here before you send this again."
)
NOT_A_CANDIDATE = "That record belongs to another submission, or was not found for this one. Choose another."
STOPPED = "Nothing is sent from now on. Everything people enter is kept."
RELEASED = "Hold removed."
HOLD_NOT_YOURS = "This hold cannot be removed here: {reason}"
HOLDS = {
    "stopped": "Stopped by hand",
    "unit_alarm": "Dollars and cents may be mixed up",
    "token_refused": "Slant refuses our connection",
    "token_read_only": "Our connection is read-only",
    "restored": "A backup was restored",
    "copied": "The database was copied or its worker moved",
    "other_slant": "The database belongs to another Slant",
    "other_owner": "The token is another user's of Slant",
}


# What became of it: of a deal to be made, and of the change of one


@dataclass(frozen=True)
class Endings:
    """What is said as something ends: by its owner, by a manager, and as news of what was held, in doubt or
    in review.
    """

    withdrawn: str
    linked: str
    sent_again: str
    closed: str
    news: dict[str, str]


OF_CREATE = Endings(
    withdrawn="{name} was withdrawn. Nothing was created in Slant.",
    linked="{name} is linked to {record}.",
    sent_again="{name} will be sent again once we have looked in Slant one more time.",
    closed="{name} is closed without a record.",
    news={
        "confirmed": "{name} reached Slant.",
        "rejected": "Slant refused {name}. Nothing was created.",
        "withdrawn": "{name} was closed without a record.",
        "queued": "{name} has waited for a day. Say whether to still send it.",
    },
)
OF_CHANGE = Endings(
    withdrawn="The change to {name} was withdrawn. Nothing was changed in Slant.",
    linked="The change to {name} counts as arrived.",
    sent_again="The change to {name} will be sent again once we have looked in Slant one more time.",
    closed="The change to {name} is closed. Nothing more will be sent.",
    news={
        "confirmed": "The change to {name} reached Slant.",
        "rejected": "Slant refused the change to {name}. Nothing was changed.",
        "withdrawn": "The change to {name} was closed. Nothing more will be sent.",
        "queued": "The change to {name} has waited for a day. Say whether to still send it.",
    },
)


def endings(kind: str) -> Endings:
    return OF_CREATE if kind == "create" else OF_CHANGE


@dataclass(frozen=True)
class Question:
    """What a manager is asked about a submission in review. `made` names when its record was made, empty for
    none.
    """

    title: str
    found: str
    none_found: str
    link: str
    close: str
    not_looked: str = ""
    made: str = ""


QUESTION_OF_CREATE = Question(
    title="Is this the same deal?",
    found="Found in Slant:",
    none_found="No deal like it was found in Slant.",
    link="Link to",
    close="Close without a record",
    not_looked="Slant's list could not be read.",
    made="Created",
)
QUESTION_OF_CHANGE = Question(
    title="Did this change arrive?",
    found="In Slant now:",
    none_found="The deal could not be read in Slant.",
    link="It arrived in",
    close="Close and send nothing more",
)


def question(kind: str) -> Question:
    return QUESTION_OF_CREATE if kind == "create" else QUESTION_OF_CHANGE


# Signing in

NOT_LET_IN = {
    "": (
        "You are not signed in",
        "We could not verify your sign-in. Start again from the sign-in page. If it happens again, tell the people "
        "who run company sign-on.",
    ),
    "state_unknown": (
        "This sign-in has expired",
        "It was started in another browser or more than ten minutes ago, or it was already used. Start again.",
    ),
    "provider_access_denied": (
        "You are not signed in",
        "Company sign-on did not let you in, or you canceled. Start again if you did not mean to.",
    ),
    "provider_unreachable": (
        "Company sign-on does not answer",
        "No one can sign in until it does. Deals already entered will still be sent. Try again in a minute.",
    ),
}
TOO_MANY_DEALS = "You have entered a lot of deals in the last minute. Nothing was sent; try again in {wait}."

# People

PERSON_LINKED = "{name} is now linked to the Slant member you chose."
PERSON_BY_EMAIL = "{name} is matched to Slant by verified e-mail again."
PERSON_UNKNOWN = "Choose one of the people listed."
MEMBER_UNKNOWN = "Choose one of the members listed. The one sent with the form does not belong to any book."


def loading(progress: dict[str, int | None] | None) -> str:
    """How far the first load of deals has come; `of` is None where Slant does not count them."""
    if not progress:
        return "Loading deals."
    of = f" of {progress['of']:,}" if progress.get("of") else ""
    return f"Loading deals: {progress['read']:,}{of}."
