"""Addresses for machines: liveness, readiness and metrics; and the reports that browsers send."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from opportunities.clock import SystemClock
from opportunities.runtime import limits as counts
from opportunities.runtime import request_metrics
from opportunities.selectors.health import Health, health, totals
from opportunities.views.access_marks import for_machines, open_to_all
from opportunities.views.requests import PageRequest

csp_log = logging.getLogger(__name__)

CSP_REPORT_BYTES = 8 * 1024
CSP_REPORTS_A_MINUTE = 60
CSP_REPORT_KEYS = (
    "document-uri",
    "violated-directive",
    "effective-directive",
    "blocked-uri",
    "source-file",
    "line-number",
)


@open_to_all
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers whenever this process runs. It uses nothing else, so a slow database causes no restart."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@open_to_all
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    now = health(SystemClock())
    return JsonResponse(now.as_json(), status=503 if now.status == "unready" else 200)


@for_machines
@open_to_all
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for holders of METRICS_TOKEN. Without that setting the page does not exist."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(
        request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}"
    ):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(_prometheus(health(SystemClock())), content_type=CONTENT_TYPE_LATEST)


def _prometheus(now: Health) -> bytes:
    """Two kinds of numbers: of the installation, from the database, and of the web processes here."""
    of_installation = CollectorRegistry()
    of_installation.register(_Numbers(now))
    return generate_latest(of_installation) + generate_latest(request_metrics.registry())


class _Numbers(Collector):
    """The health as Prometheus reads it. An unknown number is left out, because a zero would be wrong."""

    def __init__(self, now: Health) -> None:
        self.now = now

    def collect(self) -> Iterator[Metric]:
        now = self.now
        yield _by(
            "build_info", "1, with the version of this web process", "version", {settings.APP_VERSION: 1}
        )
        yield _gauge("up", "1 when the database answers and is migrated", now.database.ok)
        if now.database.ok:
            yield from self._of_database(now)

    def _of_database(self, now: Health) -> Iterator[Metric]:
        yield _by("submissions", "Submissions not settled, by state", "state", now.queue.counts)
        if past := totals():
            yield _count("settled", "Submissions that are settled, by how", "state", past.settled)
            yield _count("slant_calls", "Calls to Slant, by how they ended", "outcome", past.slant_calls)
            yield CounterMetricFamily(
                "slantweb_failed_rounds", "Rounds of workers that failed", past.failed_rounds
            )
        if now.queue.oldest_s is not None:
            yield _gauge(
                "oldest_unsettled_seconds", "Age of the oldest unsettled submission", now.queue.oldest_s
            )
        yield _gauge("budget_left", "Calls to Slant left of the hour", now.budget_left)
        yield _gauge("unreadable_records", "Records in Slant that cannot be read whole", now.unreadable)
        if now.sync.age_s is not None:
            yield _gauge("sync_age_seconds", "Age of the oldest needed part of the mirror", now.sync.age_s)
        yield _by(
            "heartbeat_age_seconds", "Seconds since a worker's last completed round", "worker", now.heartbeats
        )
        if now.worker.age_s is not None:
            yield _gauge("worker_age_seconds", "Seconds since any worker completed a round", now.worker.age_s)
        yield _gauge("slant_ok", "1 when the newest we know of Slant is good", now.slant.ok)
        yield _gauge("static_ok", "1 when this process serves the static files of its version", now.static.ok)
        yield _gauge("trail_ok", "1 when the chain's head is the last event", now.trail.ok)
        yield _gauge("sending_held", "1 when sending is stopped", now.held)
        yield _gauge("open_alerts", "Alerts that are open", len(now.alerts))
        yield _by("alert_open_seconds", "For how long the alert of a cause is open", "cause", now.alerts)
        yield _gauge(
            "alert_mails_waiting", "Mails about alerts that no mail server took yet", now.mails_waiting
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"slantweb_{name}", text, float(value))


def _by(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"slantweb_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _count(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"slantweb_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


# Browsers send these reports automatically, without our form token. A report only writes a line to the log,
# and these lines are limited, so a forged report does no harm.
@csrf_exempt
@open_to_all
@require_POST
def csp_report(request: PageRequest) -> HttpResponse:
    report = _read_report(request)
    if report and _within_cap():
        csp_log.warning("content security policy violated", extra={"report": report})
    return HttpResponse(status=204)


def _read_report(request: PageRequest) -> dict[str, str]:
    """The few lines worth keeping, without query strings: they may hold what somebody searched for."""
    if request.body_length > CSP_REPORT_BYTES:
        return {}
    try:
        payload: Any = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    report = payload.get("csp-report") if isinstance(payload, dict) else None
    if not isinstance(report, dict):
        return {}
    return {key: str(report[key]).split("?")[0][:200] for key in CSP_REPORT_KEYS if key in report}


def _within_cap() -> bool:
    minute = int(time.time()) // 60
    ends_at = datetime.fromtimestamp((minute + 1) * 60, UTC)
    return counts.add(f"csp-reports {minute}", ends_at=ends_at) <= CSP_REPORTS_A_MINUTE
