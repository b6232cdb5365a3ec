"""Reports: pages, and the files people take away. Both are written from the same sheet."""

from .files import report_csv, report_xlsx
from .pages import report, reports
from .targets import targets

__all__ = ["report", "report_csv", "report_xlsx", "reports", "targets"]
