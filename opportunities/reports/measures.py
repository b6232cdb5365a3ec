"""The measures: what each figure of the pipeline means, in words and as a function, for every page and file.

`DEFINITIONS` are the sentences people read. docs/reports.md holds the same ones, and a test holds it to them.
"""

from math import floor

OPEN, WON, LOST, ARCHIVED = "open", "won", "lost", "archived"
HALF = 50

DEFINITIONS = {
    "open": "The value of the deals in open stages; a deal without a value counts as $0.",
    "weighted": "Value times probability of open deals: the deal's own probability, else its stage's. "
    "A won, lost or archived deal has none.",
    "won": "Deals in a won stage that came into it in the period, with the value and owner they have now. "
    "A win without a date belongs to no period.",
    "lost": "Deals in a lost stage that came into it in the period, with the value and owner they have now. "
    "A loss without a date belongs to no period.",
    "win rate": "Won of won and lost, by number of deals.",
    "average won deal": "The value of what was won, divided by the won deals that have a value.",
    "days to win": "Whole days from a deal's creation to its win; the median of those won in the period.",
    "stale": "Open, and longer in its stage than the stage's limit.",
    "due": "Open, with a close date in the period that has not passed.",
    "target": "What people are to win in a fiscal quarter, compared with the wins of these people alone.",
    "coverage": "The open value due in the quarter of the people with a target, divided by what they still "
    "have to win.",
}


def to_dollars(hundredths: int) -> int:
    """Hundredths of a dollar in whole dollars; half a dollar is rounded up."""
    return (hundredths + HALF) // 100


def whole(value: float | int) -> int:
    """The nearest whole number; a half is rounded up."""
    return value if isinstance(value, int) else floor(value + 0.5)


def weighted_hundredths(value: int | None, percent: int | None, meaning: str) -> int | None:
    """What one deal adds to the weighted sum, in hundredths of a dollar; None for a deal that is not open."""
    if value is None or percent is None or meaning != OPEN:
        return None
    return value * percent


def weighted(value: int | None, percent: int | None, meaning: str) -> int | None:
    """The weighted value of one deal in whole dollars."""
    hundredths = weighted_hundredths(value, percent, meaning)
    return None if hundredths is None else to_dollars(hundredths)


def win_rate(won: int, lost: int) -> float | None:
    """None before anything was decided."""
    return won / (won + lost) if won + lost else None


def average(value: int, deals: int, valueless: int) -> float | None:
    """None where no deal has a value."""
    valued = deals - valueless
    return value / valued if valued else None


def coverage(open_value: int, won: int, target: int | None) -> float | None:
    """None without a target, or where it has been reached."""
    if target is None or won >= target:
        return None
    return open_value / (target - won)
