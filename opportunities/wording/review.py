"""The questions of the review queue, and its messages."""

from dataclasses import dataclass

REASON_MISSING = "Say why in a few words. The reason is kept in the trail."
REASON_TOO_LONG = "Shorten the reason."
DECISION_MISSING = "Choose what to do with it."
DECIDED_ALREADY = "It was settled in the meantime: {words}."
MORE_FOUND = (
    "Something more was found in Slant that you were not shown. Look at it here before you send this again."
)
NOT_A_CANDIDATE = "That record belongs to another submission, or was not found for this one. Choose another."


@dataclass(frozen=True)
class ReviewQuestion:
    """The question to a manager about a submission in review.

    `created_label` stands before the time at which the record was created.
    """

    title: str
    record_label: str
    nothing_similar: str
    link: str
    close: str
    not_looked: str = ""
    created_label: str = ""


QUESTION_OF_CREATE = ReviewQuestion(
    title="Is this the same deal?",
    record_label="Found in Slant:",
    nothing_similar="No deal like it was found in Slant.",
    link="Link to",
    close="Close without a record",
    not_looked="Slant's list could not be read.",
    created_label="Created",
)
QUESTION_OF_CHANGE = ReviewQuestion(
    title="Did this change arrive?",
    record_label="In Slant now:",
    nothing_similar="The deal could not be read in Slant.",
    link="It arrived in",
    close="Close and send nothing more",
)


def review_question(kind: str) -> ReviewQuestion:
    return QUESTION_OF_CREATE if kind == "create" else QUESTION_OF_CHANGE
