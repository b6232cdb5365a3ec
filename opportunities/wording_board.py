"""What the board says. The voice is that of `wording.py`."""

# Filters that could not be read

STALE_UNKNOWN = "Stale deals are chosen with stale=1."
MISSING_UNKNOWN = "Choose deals without a value, without a date, or without either."
VIEW_UNKNOWN = "Choose the board or the list."
CLOSE_UNREADABLE = "Choose one of the periods listed, or days like 2026-11-01..2026-11-30."
TOO_MANY_IDS = "A link can name at most {most} deals."
MAX_BELOW_MIN = "The highest value is below the lowest. Swap the two, or clear one."
