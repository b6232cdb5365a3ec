"""What browsers send, checked: one small form a user intention. Forms never speak to Slant."""

from .audit import TrailForm
from .create import NewOpportunityForm
from .edit import EditOpportunityForm
from .preferences import PreferencesForm
from .review import DecisionForm, SendingForm
from .settle import settle
from .submissions import SubmissionFilterForm
from .summary import Summary, summary
from .typed import typed_values

__all__ = [
    "DecisionForm",
    "EditOpportunityForm",
    "NewOpportunityForm",
    "PreferencesForm",
    "SendingForm",
    "SubmissionFilterForm",
    "Summary",
    "TrailForm",
    "settle",
    "summary",
    "typed_values",
]
