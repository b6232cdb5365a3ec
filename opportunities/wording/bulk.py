"""The sentences of the list of deals and of bulk changes."""

COLUMNS = {
    "name": "Deal",
    "household": "Household",
    "stage": "Stage",
    "value": "Value",
    "probability": "Prob.",
    "weighted": "Weighted",
    "close": "Close",
    "since": "In stage",
    "owner": "Owner",
}
NOTHING_CHOSEN = "Choose at least one deal."
TOO_MANY = "Choose at most {most} deals at once. {count} were chosen; nothing was changed."
NO_TARGET = "Choose the stage to move them to, or a new owner."
BOTH = "Choose either a stage or an owner, not both. Nothing was changed."
STAGE_UNKNOWN = "Choose one of the stages listed. The one sent with the form is not among them."
OWNER_UNKNOWN = (
    "Choose one of the people listed. The one sent with the form does not work in any of your books."
)
SENT_BEFORE = (
    "This form was already sent with other deals or another choice. Check the deals and send it again."
)
NOT_YOURS = "This form was opened by someone else or is too old. Nothing was changed; choose the deals again."
TOO_OFTEN = (
    "You have made a lot of bulk changes in the last minute. Nothing was changed; try again in {wait}."
)
TITLE = {"move": "Moving {deals} to {target}", "edit": "Assigning {deals} to {target}"}
REFUSED = {
    "out_of_reach": "It no longer exists, or it is in a book you cannot change.",
    "already": "It is already there, so nothing was sent.",
    "already_owner": "They already own it, so nothing was sent.",
    "other_pipeline": "It is in another pipeline, which has no stage {target}.",
    "not_in_book": "{target} does not work in its book.",
    "conflict": "Someone changed it after you opened the list, so it was left as it is now.",
    "lost_reason": "Moving to {target} needs a reason.",
}
LOST_REASON = "Say in a few words why these deals were lost."

# The meaning of the numbers in exported deals.
FILE_NOTES = (
    "Value: the deal's value in whole US dollars, as Slant shows it.",
    "Probability: the deal's own, in percent; where it has none, the default of its stage.",
    "Weighted: value times probability.",
    "Days in stage: whole days since Slant last moved the deal, or since it was created.",
)
