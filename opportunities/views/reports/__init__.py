"""Reports: pages, and the files people take away. Both are written from the same sheet."""

from .aims import targets
from .files import report_csv, report_xlsx
from .pages import report, reports

__all__ = ["report", "report_csv", "report_xlsx", "reports", "targets"]
