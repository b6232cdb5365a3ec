"""The sentences of the page on which managers stop sending."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SendingWords:
    """Whether submissions are sent to Slant. `rest` follows the number of waiting submissions."""

    title: str
    rest: str
    is_good: bool = False


ON = SendingWords("Sending is on.", "at the moment.", is_good=True)
HELD = SendingWords(
    "Nothing is sent to Slant.", "Everything people enter is kept and goes out once sending is resumed."
)
NO_WORKER = SendingWords(
    "Nothing is sent to Slant: no worker is running.",
    "Everything people enter is kept and goes out once a worker runs. Whoever runs the server starts it.",
)
ROUNDS_FAIL = SendingWords(
    "Nothing is sent to Slant: the rounds of the workers fail.",
    "Everything people enter is kept and goes out once they succeed. The reason stands below.",
)
SLANT_AWAY = SendingWords(
    "Slant does not answer.", "Everything people enter is kept and goes out as soon as Slant answers again."
)
BUDGET_SPENT = SendingWords(
    "The calls to Slant of this hour are used up.",
    "Everything people enter is kept and goes out as calls become free again.",
)

STOPPED = "Nothing is sent from now on. Everything people enter is kept."
RELEASED = "Hold removed."
HOLD_NOT_YOURS = "This hold cannot be removed here: {reason}"
HOLDS = {
    "stopped": "Stopped by hand",
    "unit_alarm": "Dollars and cents may be mixed up",
    "token_refused": "Slant refuses our connection",
    "token_read_only": "Our connection is read-only",
    "altered": "The audit trail was altered",
    "restored": "A backup was restored",
    "copied": "The database was copied or its worker moved",
    "other_slant": "The database belongs to another Slant",
    "other_owner": "The token is another user's of Slant",
}
