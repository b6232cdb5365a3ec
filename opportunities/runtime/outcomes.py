"""Which `Outcome` an error of the client is, for attempts and for counts."""

from opportunities.models import Outcome
from opportunities.slant import errors

OUTCOMES: dict[type[errors.SlantError], Outcome] = {
    errors.SlantRejected: Outcome.REJECTED,
    errors.SlantForbidden: Outcome.FORBIDDEN,
    errors.SlantRefusedUs: Outcome.REFUSED_US,
    errors.SlantBusy: Outcome.BUSY,
    errors.SlantUnreachable: Outcome.UNREACHABLE,
    errors.SlantNoAnswer: Outcome.NO_ANSWER,
}


def outcome_of(error: errors.SlantError) -> Outcome:
    """The outcome of an exchange that raised `error`."""
    return next((OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES), Outcome.NO_ANSWER)
