"""The sentences of the pages of signing in."""

NOT_LET_IN = {
    "": (
        "You are not signed in",
        "We could not verify your sign-in. Start again from the sign-in page. If it happens again, tell the "
        "people "
        "who run company sign-on.",
    ),
    "state_unknown": (
        "This sign-in has expired",
        "It was started in another browser or more than ten minutes ago, or it was already used. Start "
        "again.",
    ),
    "provider_access_denied": (
        "You are not signed in",
        "Company sign-on did not let you in, or you canceled. Start again if you did not mean to.",
    ),
    "too_weak": (
        "This sign-in is not strong enough",
        "Slantweb asks for a second factor, and company sign-on did not use one. Start again. If it happens "
        "again, tell the people who run company sign-on.",
    ),
    "provider_unreachable": (
        "Company sign-on does not answer",
        "No one can sign in until it does. Deals already entered will still be sent. Try again in a minute.",
    ),
}
