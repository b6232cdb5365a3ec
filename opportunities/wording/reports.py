"""What reports say. Each figure is named for what it is."""

from datetime import date, datetime
from math import floor

from opportunities import dates
from opportunities.periods import Period, named, quarter_number
from opportunities.wording import formats

PERIODS = {
    "this-quarter": "This quarter",
    "last-quarter": "Last quarter",
    "next-quarter": "Next quarter",
    "this-and-next-quarter": "This quarter and next",
    "this-month": "This month",
    "last-month": "Last month",
    "this-week": "This week",
    "since-last-monday": "Since last Monday",
    "last-30-days": "Last 30 days",
    "last-12-months": "Last 12 months",
    "this-year": "This fiscal year",
    "last-year": "Last fiscal year",
}

PERIOD_UNKNOWN = "Choose one of the periods listed."
DAY_UNREADABLE = "Type the day as year-month-day, like 2026-10-01."
DAYS_BACKWARDS = "The last day is before the first."
PERIOD_TOO_LONG = "Choose at most ten years."
FILTER_UNKNOWN = "One of the filters names something that is not in your books, so it finds nothing."
OWNER_UNKNOWN = (
    "The person in this address works in none of your books any more. Only deals that are still theirs count."
)
TARGETS_NOTE = (
    "A person's target beside what they won and have due in the same quarter. Coverage is what is due, of "
    "what is still to be won"
)
TARGETS_KEPT = "Saved. {count} changed."
TARGETS_SAME = "Nothing was changed."
OPEN_DEALS = "Open deals behind this number"
GIVE_AWAY = "Reassign these deals"
NOTHING_OPEN = "There are no open deals here. Widen the filters if any are set, or enter the first deal."
NO_BOOKS = "You work in no book in Slant yet, so there are no deals to report on."
BEFORE_HISTORY = (
    "History begins on {day}, after this period, so what happened to open deals in it is not known."
)
NOTHING_HAPPENED = "Nothing happened here in this period. Choose a longer period or widen the filters."
NOT_BEGUN = "This period has not begun yet, so nothing in it has been won or lost. Choose one that has."
NOTHING_SINCE = "Nothing has changed since history began on {day}. From now on it is kept automatically."
BEGINS_LATER = "History begins on {day}, so nothing before it can be compared."
OPEN_UNKNOWN = "What was open then is not known: history begins on {day}."
NO_HISTORY = "Slantweb has not seen any deals here yet. History begins with the first sync."

OVERVIEW = {
    "open": "Open pipeline",
    "weighted": "Weighted pipeline",
    "won": "Won",
    "lost": "Lost",
    "created": "Deals created",
    "win-rate": "Win rate",
    "average": "Average won deal",
    "days-to-win": "Median days to win",
}

OUTSIDE_PERIOD = {
    "overdue": "Close date passed",
    "undated": "No close date",
    "earlier": "Before this period",
    "later": "After this period",
}

STEPS = {
    "new": "New deals",
    "raised": "Value raised",
    "reopened": "Reopened",
    "moved-in": "Moved in",
    "moved-out": "Moved out",
    "won": "Won",
    "lost": "Lost",
    "lowered": "Value lowered",
    "archived": "Archived",
    "gone": "Gone from Slant",
}
STEP_ONE = STEPS | {"new": "New"}

PROBLEMS = {
    "passed": "Close date passed",
    "no-value": "No value",
    "no-date": "No close date",
    "no-household": "No household",
    "household-lost": "Household gone",
    "left": "Owner left the book",
    "no-move": "Stale",
    "unreadable": "Cannot be read",
}
UNREADABLE_TITLE = "What Slant shows and we cannot read"
UNREADABLE_NOTE = "Correct it in Slant; what could be read last is shown meanwhile"

METHODS = {
    "exact": "Exact: every outcome of these deals was counted.",
    "grid": "Close: each figure is off by at most about {within}.",
    "moments": "Close: estimated, because there are more than 500 deals.",
}
INDEPENDENT = (
    "The range treats deals as independent: each comes in whole with its probability, or not at all. "
    "If several depend on the same event, the true range is wider."
)
WEIGHTED = (
    "Weighted is value times probability: the deal's own where set, else the stage's default. "
    "Open leaves out won, lost and archived deals."
)
UNWEIGHTED = "Not in the weighted sum, for want of a probability of their own or of their stage: {deals}."
VALUELESS = "Without a value yet, and counted as $0: {deals}."
KNOWN_FROM = "History is known from {day}. Nothing earlier is guessed."
NO_REASON = "No reason given"
REASONS_NOTE = "Asked for when a deal is moved to a lost stage here; a deal moved in Slant itself has none."
CLOSED_NOW = (
    "Won and lost are deals as Slant shows them now, on the day they came into their stage. A deal that was "
    "reopened or deleted since is not among them."
)
AS_SEEN = (
    "Steps are what was seen to happen. The other reports count won and lost deals as they are now, so one "
    "that was reopened, edited or deleted afterwards may differ there."
)
UNDATED_SEEN_NOTE = (
    "Slant has no date for the move that closed them; what was seen to close counts on the day it was seen"
)
UNDATED_NOTE = "Slant has no date for the move that closed them, so they are in no figure of a period"
MEANINGS_OF_TODAY = "Stages are counted by what they mean today, even in the past."
WHOLE_QUARTERS = "Shown in whole fiscal quarters, so that targets compare."


def cell_text(value: object, kind: str, today: date) -> str:
    """A cell in words."""
    if value is None:
        return ""
    match kind:
        case "count":
            return formats.number(float(str(value))) if not isinstance(value, int) else f"{value:,}"
        case "money":
            return (
                formats.money(floor(float(str(value)) + 0.5))
                if not isinstance(value, int)
                else formats.money(value)
            )
        case "signed":
            return formats.signed_money(int(str(value)))
        case "percent":
            return formats.percent(float(str(value)))
        case "change":
            return formats.signed_percent(float(str(value)))
        case "days":
            return formats.number(float(str(value)), 0 if float(str(value)).is_integer() else 1)
        case "day" if isinstance(value, date):
            return formats.day(value, today)
        case "moment" if isinstance(value, datetime):
            return formats.day(value.date(), today)
    return str(value)


def span(period: Period, today: date) -> str:
    """`Oct 1 to Dec 31`; one day alone."""
    if period.first == period.last:
        return formats.day(period.first, today)
    return f"{formats.day(period.first, today)} to {formats.day(period.last, today)}"


def period_phrase(period: Period, today: date, year_starts: int) -> str:
    """The period inside a sentence: "this quarter", or "from Oct 1 to Dec 31"."""
    for name in ("this-quarter", "last-quarter", "next-quarter", "this-month", "last-month", "this-week"):
        if period == named(name, today, year_starts):
            return PERIODS[name].lower()
    return f"from {span(period, today)}"


def quarter(first: date, year_starts: int) -> str:
    """`Q4 2026`; `Q2 FY2027` where the fiscal year is not the calendar's."""
    year, place = quarter_number(first, year_starts)
    return f"Q{place} {year}" if year_starts == 1 else f"Q{place} FY{year}"


def month(period: Period) -> str:
    return dates.month(period.first)


def of_deals(count: int, whole: int) -> str:
    """The beginning of a sentence: `2 of 6 deals`, `All 6 deals`, `The one deal here`."""
    if whole == 1:
        return "The one deal here"
    return f"All {whole:,} deals" if count == whole else f"{count:,} of {whole:,} deals"


def of_valued(valued: int, valueless: int) -> str:
    """What an average divides by, where that is not all deals."""
    return f"of {valued:,} with a value" if valueless else ""


def first_of(shown_count: int, whole: int) -> str:
    return f"The {shown_count:,} most valuable of {whole:,}" if whole > shown_count else formats.deals(whole)


def deleted(count: int, value: int) -> str:
    """Of deals that were won or lost and are no longer in Slant."""
    verb, noun = ("was", "it is") if count == 1 else ("were", "they are")
    sentence = (
        f"{formats.deals(count)} worth {formats.money(value)}, won or lost before, {verb} deleted in Slant"
    )
    return f"{sentence}: {noun} in no figure of the other reports."


def undated(won: int, lost: int, *, counts_seen: bool = False) -> str:
    """`1 undated win, not in any period`; the wins alone where they count when seen. Empty for none."""
    counted = [
        f"{count:,} undated {singular if count == 1 else plural}"
        for count, singular, plural in ((won, "win", "wins"), (lost, "loss", "losses"))
        if count
    ]
    return formats.and_list(counted) + ("" if counts_seen else ", not in any period") if counted else ""


def change(share: float | None) -> str:
    return "" if share is None else formats.signed_percent(share)


def points(difference: float | None) -> str:
    """The change of a rate: `+28 points`."""
    if difference is None:
        return ""
    count = floor(abs(difference) * 100 + 0.5)
    sign = "" if not count else "+" if difference > 0 else "\u2212"
    return f"{sign}{count} point{'' if count == 1 else 's'}"
