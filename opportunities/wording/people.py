"""The sentences of the page about people."""

PERSON_LINKED = "{name} is now linked to the Slant member you chose."
PERSON_BY_EMAIL = "{name} is matched to Slant by verified e-mail again."
PERSON_UNKNOWN = "Choose one of the people listed."
MEMBER_UNKNOWN = "Choose one of the members listed. The one sent with the form does not belong to any book."


def sessions_ended(ended: int, *, name: str = "") -> str:
    """The message after sessions were ended: the person's own, or those of `name`."""
    if not ended:
        return f"{name} is not signed in anywhere." if name else "That session was over already."
    number = "One session" if ended == 1 else f"{ended} sessions"
    return f"{number}{f' of {name}' if name else ''} ended. That browser has to sign in again."
