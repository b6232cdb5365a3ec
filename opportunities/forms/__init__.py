"""Checks of what browsers send: one small form for each user intention. Forms never call Slant."""

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
