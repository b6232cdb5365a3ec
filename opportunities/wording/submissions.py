"""The sentences of the pages of submissions: states, answers of Slant, and how each submission ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opportunities.deal_fields import label_of
from opportunities.wording.states import DEFAULT, STATES, StateWords

# Short forms, for little space

STATE_SHORT = {
    "queued": ("Waiting", "clock", ""),
    "sending": ("Sending", "arrow-repeat", "accent"),
    "unknown": ("Not sure it arrived", "question-circle-fill", "warn"),
    "review": ("A manager decides", "people", "warn"),
    "confirmed": ("Created", "check-circle-fill", "good"),
    "rejected": ("Refused", "x-circle-fill", "bad"),
    "withdrawn": ("Withdrawn", "archive-fill", ""),
}
# The words of `confirmed` depend on the kind of submission.
CONFIRMED_BY_KIND = {"create": "Created", "edit": "Saved", "move": "Moved"}


def short_state(kind: str, state: str) -> tuple[str, str, str]:
    """Words, icon and tone of a state, for little space."""
    words, icon, tone = STATE_SHORT[state]
    return (CONFIRMED_BY_KIND[kind] if state == "confirmed" else words), icon, tone


# States of a change whose words differ from those of a new deal

CHANGE_STATES: dict[str, dict[str, dict[str, StateWords]]] = {
    "edit": {
        "confirmed": {
            "": StateWords("Saved in Slant", "{name} is updated in Slant.", "check-lg", "good"),
            "found": StateWords(
                "Saved in Slant",
                "The answer got lost, but we looked: {name} is updated in Slant.",
                "check-lg",
                "good",
            ),
            "linked": StateWords(
                "Saved in Slant", "A manager settled it: {name} is saved.", "check-lg", "good"
            ),
        },
        "unknown": {
            "": StateWords(
                "We are not sure it arrived",
                "Slant may have the change already: the answer got lost. Please do not enter it again. We "
                "look {at}.",
                "question-lg",
                "warn",
            ),
        },
    },
    "move": {
        "confirmed": {
            "": StateWords("Moved in Slant", "{name} is now{where} in Slant.", "check-lg", "good"),
            "found": StateWords(
                "Moved in Slant",
                "The answer got lost, but we looked: {name} is now{where} in Slant.",
                "check-lg",
                "good",
            ),
            "linked": StateWords(
                "Moved in Slant", "A manager settled it: {name} is moved.", "check-lg", "good"
            ),
        },
        "unknown": {
            "": StateWords(
                "We are not sure it arrived",
                "Slant may have moved it already: the answer got lost. Please do not move it again. We look "
                "{at}.",
                "question-lg",
                "warn",
            ),
        },
    },
}
CHANGE_REFUSED = {
    "": StateWords("Slant refused it", "Nothing was changed. Open the deal and try again.", "x-lg", "bad"),
    "forbidden_book": StateWords(
        "Slant refused it",
        "Slant does not let Slantweb make changes in {book}. Nothing was changed. Ask the principal of the "
        "book.",
        "x-lg",
        "bad",
    ),
    "date_passed": StateWords(
        "Its close date has passed",
        "While this waited, its target close date passed, and Slant accepts only future dates. Nothing was "
        "changed.",
        "x-lg",
        "bad",
    ),
    "record_gone": StateWords(
        "The deal is gone",
        "{name} is no longer in Slant, so nothing was changed. It has left the board and the list; its page "
        "shows it as it last was.",
        "x-lg",
        "bad",
    ),
    "conflict": StateWords(
        "Someone changed it first",
        "The same field was changed in Slant after you looked, so yours did not overwrite it. Open the deal "
        "and "
        "decide again.",
        "x-lg",
        "bad",
    ),
}
CHANGE_WITHDRAWN = {
    "": StateWords("Withdrawn", "It was withdrawn before it was sent. Nothing was changed.", "x-lg"),
    "closed": StateWords("Closed", "A manager closed this: nothing more of it will be sent.", "x-lg"),
}
# Reason codes with the same words as another.
SAME_WORDS = {"held": "stopped", "copied": "restored", "other_owner": "other_slant"}


def state_words(kind: str, state: str, reason_code: str = "") -> StateWords:
    """The words of a state and reason. A reason without its own words has those of its state."""
    reason_code = SAME_WORDS.get(reason_code, reason_code)
    by_reason = CHANGE_STATES.get(kind, {}).get(state)
    if kind != "create" and state == "rejected":
        by_reason = CHANGE_REFUSED
    elif kind != "create" and state == "withdrawn":
        by_reason = CHANGE_WITHDRAWN
    if by_reason is None or (state == "unknown" and reason_code in STATES[state]):
        by_reason = STATES[state]
    return by_reason.get(reason_code, by_reason[DEFAULT])


# Why Slant refused

REASONS_SHOWN = 3


def reasons_of(text: str, field_errors: Mapping[str, Any]) -> str:
    """Slant's reasons: those of each field after its label, or else the general line. Without a full stop."""
    reasons = [
        f"{label_of(name, 'The deal')}: {reason}".rstrip(".") if name else str(reason).rstrip(".")
        for name, field_reasons in field_errors.items()
        for reason in (field_reasons if isinstance(field_reasons, list) else [field_reasons])
    ]
    shown_reasons, more = reasons[:REASONS_SHOWN], len(reasons) - REASONS_SHOWN
    return "; ".join(shown_reasons + ([f"and {more} more"] if more > 0 else [])) or text.rstrip(".")


# The page of one submission

# The words for {at}: `SOON` if the time has come, `AT` if a time is known and will be kept. No time is known
# for when Slant answers again, or for how long the hour's calls last.
SOON = "in a moment"
AT = "at about {time}"
WHEN_BACK = "as soon as Slant answers again"
WHEN_WORKER_WORKS = "once the background work of Slantweb runs again"
WHEN_CALLS_LEFT = "as soon as the hour has calls left"
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
CHANGE_REFUSED_BECAUSE = "Slant said: “{message}”. Nothing was changed. Open the deal and try again."
TOO_LATE = "It can no longer be withdrawn: it is being sent, or may have reached Slant."
STILL_SENT = "{name} will be sent as soon as Slant accepts it."

# How a submission ended


@dataclass(frozen=True)
class Endings:
    """The sentences for each way a submission ends. `news` is by state, for its owner on the next page."""

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
