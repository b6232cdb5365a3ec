"""What will close: by month or fiscal quarter of target close, how sure that is, and against the targets."""

from .numbers import ForecastRows, calculate
from .sheet import build_sheet

__all__ = ["ForecastRows", "build_sheet", "calculate"]
