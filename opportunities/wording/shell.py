"""Sentences that any page may show: failures of the page, and the progress of the first load of deals."""

from collections.abc import Collection, Mapping

from opportunities.wording import formats

CANNOT_WRITE = (
    "Slant does not let Slantweb make changes. Nothing was sent; a manager has to renew its access."
)

# static/js/shell.js shows these, from data attributes.
TROUBLE = {
    "offline": "Slantweb cannot be reached. What you typed is still on this page; try again in a moment.",
    "slow": "Slantweb is taking too long to answer. Nothing is lost; try again in a moment.",
    "signedout": "You are signed out. Sign in again to continue.",
    "forbidden": "You are not allowed to do this, or the page is too old. Reload it and try again.",
    "missing": "This is no longer there, or it is in a book you do not work in.",
    "broken": "Something went wrong on our side. Nothing you sent is lost; try again in a moment.",
}


def first_load(progress: dict[str, int | None] | None) -> str:
    """The progress of the first load of deals. `of` is None if Slant does not count deals."""
    if not progress:
        return "Loading deals."
    of = f" of {progress['of']:,}" if progress.get("of") else ""
    return f"Loading deals: {progress['read']:,}{of}."


def unreadable(counts: Mapping[str, int], deals: str) -> str:
    """How many records cannot be read whole; empty if there are none. `deals` is the key of the deals in
    `counts`.
    """
    of_deals, other_count = counts.get(deals, 0), sum(counts.values()) - counts.get(deals, 0)
    parts = [formats.deals(of_deals)] if of_deals else []
    parts += [f"{other_count:,} other record{'' if other_count == 1 else 's'}"] if other_count else []
    if not parts:
        return ""
    text = " and ".join(parts) if of_deals else parts[0].replace("other ", "")
    return f"{text} could not be read."


def failing(kinds: Collection[str]) -> str:
    """Why no new data is read: Slant answered with something other than a list, or did not answer."""
    if "refused" in kinds:
        return "Slant does not let us read."
    return "Slant's answer could not be read." if "undocumented" in kinds else "Slant does not answer."
