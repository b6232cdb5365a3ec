"""What browsers send, checked: one small form a user intention. Forms never speak to Slant."""

from .adjust import adjust
from .audit import TrailForm
from .create import NewOpportunityForm
from .edit import EditOpportunityForm
from .preferences import PreferencesForm
from .review import DecisionForm, SendingForm
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
    "adjust",
    "summary",
    "typed_values",
]
