"""Results in words: what each report's sheet says, shows and draws."""

from .about import About
from .ageing import ageing
from .behind import behind, today
from .changes import board, changes
from .forecast import forecast
from .funnel import funnel
from .overview import overview
from .owners import owners
from .quality import quality
from .velocity import velocity

__all__ = [
    "About",
    "ageing",
    "behind",
    "board",
    "changes",
    "forecast",
    "funnel",
    "overview",
    "owners",
    "quality",
    "today",
    "velocity",
]
