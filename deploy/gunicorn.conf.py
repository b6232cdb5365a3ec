"""How gunicorn serves the web process: `gunicorn --config deploy/gunicorn.conf.py`.

Options on the command line win over these. docs/operations.md says what stands in front of it.
"""

import os
import shutil
import tempfile

# Logs and whatever else is written belong to this user alone.
os.umask(0o077)

wsgi_app = "slantweb.wsgi"
# By itself gunicorn takes PORT as an order to listen on every address of the machine.
bind = [f"127.0.0.1:{os.environ.get('PORT') or 8000}"]
worker_class = "slantweb.web_worker.ReadAheadWorker"
threads = 8
# Longer than a balancer keeps an idle connection, so that it is never the one to be cut off in the middle.
keepalive = 75
# No header may name a path, or the part of it that the application is mounted below (SCRIPT_NAME).
forwarder_headers = ""
# Nor that a browser came over https: by itself gunicorn believes whatever runs on this machine. Slantweb goes
# by TRUSTED_PROXIES.
secure_scheme_headers = {}
header_map = "drop"
# One JSON line an event to standard error, scrubbed, as the application itself writes (slantweb/logs.py).
_level = os.environ.get("LOG_LEVEL") or "INFO"
_gunicorn = {"handlers": ["console"], "level": _level, "propagate": False}
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"scrub": {"()": "slantweb.logs.ScrubFilter"}},
    "formatters": {
        "json": {
            "()": "slantweb.logs.JsonFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(process)d %(message)s",
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["scrub"]},
    },
    "root": {"handlers": ["console"], "level": _level},
    # The application logs each request. gunicorn's line would hold the query, and so the code of a sign-in.
    "loggers": {"gunicorn.error": _gunicorn, "gunicorn.access": _gunicorn | {"level": "CRITICAL"}},
}
# A socket by which other processes of this user could steer the server; nothing here uses it.
control_socket_disable = True

# What is called while gunicorn runs


def on_starting(server):
    """Make the folder of the numbers that /metrics adds up (opportunities/runtime/request_metrics.py)."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="slantweb-metrics-")


def child_exit(server, worker):
    """What a process that ended says of its present leaves the metrics; what it has counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server):
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
