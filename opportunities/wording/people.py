"""What the page about people says."""

PERSON_LINKED = "{name} is now linked to the Slant member you chose."
PERSON_BY_EMAIL = "{name} is matched to Slant by verified e-mail again."
PERSON_UNKNOWN = "Choose one of the people listed."
MEMBER_UNKNOWN = "Choose one of the members listed. The one sent with the form does not belong to any book."
