"""The states of a new deal before Slant confirms it, by reason: a title, a sentence, an icon and a tone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StateWords:
    """The words of a state. `sentence` may name {at} (when it is sent), {name}, {where} and {book}."""

    title: str
    sentence: str
    icon: str
    tone: str = ""


DEFAULT = ""
# By state, then by reason code; the empty code is the state's own words.
STATES: dict[str, dict[str, StateWords]] = {
    "queued": {
        DEFAULT: StateWords(
            "Waiting its turn", "It is saved here and will be sent to Slant in a moment.", "clock"
        ),
        "no_worker": StateWords(
            "Waiting for Slantweb",
            "It is saved here. The background work of Slantweb stands still, so nothing is sent at the "
            "moment; this goes out by itself once that runs again.",
            "clock",
            "warn",
        ),
        "waiting_turn": StateWords(
            "Waiting its turn",
            "An earlier change to the same deal goes first. We send this by ourselves; you can leave the "
            "page.",
            "clock",
        ),
        "busy": StateWords(
            "Waiting its turn",
            "Slant asked us to slow down. We send this by ourselves as soon as it takes calls again; you can "
            "leave the page.",
            "clock",
        ),
        "budget": StateWords(
            "Waiting its turn",
            "We have used all the calls Slant allows in an hour. We send this by ourselves as soon as there "
            "are calls left; you can leave the page.",
            "clock",
        ),
        "unreachable": StateWords(
            "Waiting for Slant",
            "Slant does not answer. We send this by ourselves as soon as it answers again; you can leave the "
            "page.",
            "cloud-slash",
            "warn",
        ),
        "stopped": StateWords(
            "Sending is stopped",
            "A manager stopped all sending. This is kept and goes out when sending starts again.",
            "clock",
            "warn",
        ),
        "unit_alarm": StateWords(
            "Sending is stopped",
            "Slant recorded another deal at 100 times its value, or a hundredth of it, so nothing is sent "
            "until a manager "
            "has checked. This is kept.",
            "exclamation-triangle-fill",
            "warn",
        ),
        "token_refused": StateWords(
            "Waiting for access to Slant",
            "Slant no longer accepts our connection. The managers know; this is kept and goes out once it "
            "is renewed.",
            "lock",
            "warn",
        ),
        "token_read_only": StateWords(
            "Waiting for access to Slant",
            "Slant lets us read but not make changes. The managers know; this is kept and goes out once "
            "that is changed.",
            "lock",
            "warn",
        ),
        "altered": StateWords(
            "Sending is stopped",
            "Our own records are not what they were, so nothing is sent until an administrator has checked. "
            "This is kept.",
            "clock",
            "warn",
        ),
        "restored": StateWords(
            "Sending is stopped",
            "This database was restored or copied, so nothing is sent until an administrator has checked. "
            "This is kept.",
            "clock",
            "warn",
        ),
        "other_slant": StateWords(
            "Sending is stopped",
            "We are connected to another Slant, or as another user, so nothing is sent until an "
            "administrator has checked. "
            "This is kept.",
            "clock",
            "warn",
        ),
        "absent": StateWords(
            "Waiting to be sent again",
            "We looked in Slant and it is not there, so we will send it once more {at}.",
            "clock",
        ),
        "send_again": StateWords(
            "Waiting to be sent again",
            "A manager decided to send it again. We look in Slant once more first.",
            "clock",
        ),
        "still_send": StateWords(
            "Still send this?",
            "It could not be sent for more than a day, so it is waiting for you to confirm.",
            "clock-history",
            "warn",
        ),
    },
    "sending": {
        DEFAULT: StateWords(
            "Sending to Slant", "This usually takes under two seconds.", "arrow-repeat", "accent"
        ),
        "no_worker": StateWords(
            "Saved, and interrupted",
            "Slantweb stood still while sending this, so nobody knows whether Slant has it. It looks by "
            "itself once its background work runs again. Please do not enter it again.",
            "clock",
            "warn",
        ),
        "late": StateWords(
            "Saved, still working",
            "Slant is taking longer than usual to answer. You can leave the page; nothing is lost.",
            "clock",
            "accent",
        ),
    },
    "unknown": {
        DEFAULT: StateWords(
            "We are not sure it arrived",
            "Slant may have it already: the answer got lost. Please do not enter it again. We look {at}.",
            "question-lg",
            "warn",
        ),
        "lease_expired": StateWords(
            "We are not sure it arrived",
            "Slant may have it already: we were interrupted while sending. Please do not enter it again. We "
            "look {at}.",
            "question-lg",
            "warn",
        ),
        "recovered": StateWords(
            "We are not sure it arrived",
            "Slant may have it already: our database was restored from a copy. Please do not enter it again. "
            "We look {at}.",
            "question-lg",
            "warn",
        ),
        "stale_proof": StateWords(
            "We are checking with Slant",
            "Before it is sent again we look once more. Please do not enter it again. We look {at}.",
            "question-lg",
            "warn",
        ),
        "mismatch": StateWords(
            "We are checking with Slant",
            "Slant has something, but with different values from the ones we sent. Please do not enter it "
            "again. "
            "We look {at}.",
            "question-lg",
            "warn",
        ),
        "twin": StateWords(
            "We are checking with Slant",
            "The same deal was entered twice, and Slant has one of them so far. Please do not enter it "
            "again. We look again {at}.",
            "question-lg",
            "warn",
        ),
        "not_shown": StateWords(
            "We are checking with Slant",
            "Slant has it, but did not show everything we sent. Please do not enter it again. We look again "
            "{at}.",
            "question-lg",
            "warn",
        ),
        "unit_alarm": StateWords(
            "Slant recorded a different value",
            "Slant has it at 100 times the value we sent, or a hundredth of it. Please do not enter it "
            "again. "
            "The managers know, and nothing else is sent until they have checked.",
            "exclamation-triangle-fill",
            "warn",
        ),
    },
    "review": {
        DEFAULT: StateWords(
            "A manager decides",
            "Slant has something like this, so we neither link nor send by ourselves. Please do not enter "
            "it again.",
            "people",
            "warn",
        ),
        "changed_meanwhile": StateWords(
            "A manager decides",
            "Slant has this with different values from the ones we sent: someone may have changed it. "
            "Please do not enter it again.",
            "people",
            "warn",
        ),
        "record_gone": StateWords(
            "A manager decides",
            "The deal is no longer in Slant, and we are not sure whether the change reached it before. It "
            "has left the board and the list. Please do not enter it again.",
            "people",
            "warn",
        ),
        "incomplete_scan": StateWords(
            "A manager decides",
            "The list in Slant kept changing while we read it, so we cannot be sure. Please do not enter it "
            "again.",
            "people",
            "warn",
        ),
        "no_budget": StateWords(
            "A manager decides",
            "We had no calls to Slant left to look for it. Please do not enter it again.",
            "people",
            "warn",
        ),
        "too_long": StateWords(
            "A manager decides",
            "For two hours we could not find out whether Slant has it. Please do not enter it again.",
            "people",
            "warn",
        ),
        "sent_in_vain": StateWords(
            "A manager decides",
            "It was sent three times, Slant failed each time and does not show it, so we stopped. "
            "Please do not enter it again.",
            "people",
            "warn",
        ),
        "cannot_list": StateWords(
            "A manager decides",
            "Slant does not let us look for it, so we cannot be sure. Please do not enter it again.",
            "people",
            "warn",
        ),
    },
    "confirmed": {
        DEFAULT: StateWords("Created in Slant", "{name} is in Slant{where}.", "check-lg", "good"),
        "found": StateWords(
            "Created in Slant",
            "The answer got lost, but we found it: {name} is in Slant{where}.",
            "check-lg",
            "good",
        ),
        "linked": StateWords(
            "Created in Slant", "A manager found it: {name} is in Slant{where}.", "check-lg", "good"
        ),
    },
    "rejected": {
        DEFAULT: StateWords(
            "Slant refused it", "Nothing was created. Correct it and send it again.", "x-lg", "bad"
        ),
        "forbidden_book": StateWords(
            "Slant refused it",
            "Slant does not let Slantweb make changes in {book}. Nothing was created. Ask the principal of "
            "the book.",
            "x-lg",
            "bad",
        ),
        "date_passed": StateWords(
            "Its close date has passed",
            "While this waited, its target close date passed, and Slant accepts only future dates. Nothing "
            "was created.",
            "x-lg",
            "bad",
        ),
    },
    "withdrawn": {
        DEFAULT: StateWords("Withdrawn", "It was withdrawn before it was sent. Nothing was created.", "x-lg"),
        "closed": StateWords("Closed without a record", "A manager closed this: it is not in Slant.", "x-lg"),
    },
}
