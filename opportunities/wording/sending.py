"""What the page on which managers stop sending says."""

STOPPED = "Nothing is sent from now on. Everything people enter is kept."
RELEASED = "Hold removed."
HOLD_NOT_YOURS = "This hold cannot be removed here: {reason}"
HOLDS = {
    "stopped": "Stopped by hand",
    "unit_alarm": "Dollars and cents may be mixed up",
    "token_refused": "Slant refuses our connection",
    "token_read_only": "Our connection is read-only",
    "restored": "A backup was restored",
    "copied": "The database was copied or its worker moved",
    "other_slant": "The database belongs to another Slant",
    "other_owner": "The token is another user's of Slant",
}
