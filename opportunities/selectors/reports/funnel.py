from opportunities.reports.funnel import Funnel, funnel

from . import history
from .report import Report


def funnel_of(report: Report) -> Funnel:
    chosen = {
        id: stage
        for id, stage in report.on.stages.items()
        if not report.asked.pipeline or stage.pipeline == report.asked.pipeline
    }
    span = report.span(report.period)
    return funnel(passages=history.passages(report.scope, span, report.known_from), stages=chosen)
