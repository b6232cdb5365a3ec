"""Refusals: why a submission is not accepted. More of them are in the modules that raise them."""


class SubmissionRefused(Exception):
    """A submission that was not accepted. Its subclasses say why."""


class NotAllowed(SubmissionRefused):
    """This person may not write in that book."""
