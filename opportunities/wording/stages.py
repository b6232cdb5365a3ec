"""The sentences of the page on which managers set the meaning of stages."""

MEANINGS = {"open": "Open", "won": "Won", "lost": "Lost", "archived": "Archived"}
STAGE_SET = "{name} counts as {meaning}. Deals in it are stale after {days} days."
STAGE_SAME = "{name} stays as it was."
STAGE_UNKNOWN = "Choose one of the stages listed."
MEANING_UNKNOWN = "Choose one of the meanings listed."
LIMIT_WRONG = "A limit is a whole number of days from 1 to 3650, or empty."
