"""How long requests take and how they end, and the database pool: kept in memory, never in the database.

A process of the web writes its numbers into files of PROMETHEUS_MULTIPROC_DIR, a folder that the gunicorn of
the machine makes and removes (deploy/gunicorn.conf.py). Whichever process `/metrics` asks adds them up. All
begin at zero when gunicorn starts. Without the variable, as with `runserver`, a process knows its own alone.
"""

from contextlib import suppress

from django.conf import settings
from django.db import connection
from prometheus_client import CollectorRegistry, Gauge, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector

BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Requests that reach no view: static files, addresses that do not exist, and what is refused before.
NO_VIEW = "none"

disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()
_seconds = Histogram(
    "slantweb_request_seconds",
    "How long a request took, by view and class of its status",
    ["view", "status"],
    buckets=BUCKETS,
    registry=_registry,
)
# The numbers of a process that ended are left out.
_pool = Gauge(
    "slantweb_database_pool",
    "Connections of the web processes to the database, and requests that wait for one",
    ["state"],
    multiprocess_mode="livesum",
    registry=_registry,
)


def observe(view: str | None, *, status: int, seconds: float) -> None:
    """Count one request. `view` is the name of its address, never the address, which may hold anything."""
    _seconds.labels(view or NO_VIEW, f"{status // 100}xx").observe(seconds)
    _observe_pool()


def registry() -> CollectorRegistry:
    """The numbers of all processes of this gunicorn, or else of this process."""
    if not settings.PROMETHEUS_MULTIPROC_DIR:
        return _registry
    of_all = CollectorRegistry()
    MultiProcessCollector(of_all, path=settings.PROMETHEUS_MULTIPROC_DIR)  # type: ignore[no-untyped-call]
    return of_all


def _observe_pool() -> None:
    if not connection.settings_dict.get("OPTIONS", {}).get("pool"):
        return
    with suppress(AttributeError):
        stats = connection.pool.get_stats()  # type: ignore[attr-defined]  # of PostgreSQL alone
        _pool.labels("open").set(stats.get("pool_size", 0))
        _pool.labels("free").set(stats.get("pool_available", 0))
        _pool.labels("waiting").set(stats.get("requests_waiting", 0))
        _pool.labels("most").set(stats.get("pool_max", 0))
