"""What was sent, as a person would type it again."""

from opportunities.deal_fields import CUSTOM_PREFIX, LABELS, as_typed
from opportunities.delivery.kinds import sent_fields
from opportunities.models import Submission


def typed_again(row: Submission) -> dict[str, str]:
    """The fields of the form by name; what was left empty then is empty again."""
    fields = sent_fields(row)
    return {"pipeline_id": "", "book_id": row.book_id} | as_typed(
        fields, [name for name in fields if name in LABELS or name.startswith(CUSTOM_PREFIX)]
    )
