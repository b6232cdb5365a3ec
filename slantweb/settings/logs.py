"""Logging: one JSON line an event, scrubbed of secrets in every handler."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "context": {"()": "slantweb.logs.ContextFilter"},
        "scrub": {"()": "slantweb.logs.ScrubFilter"},
    },
    "formatters": {
        "json": {
            "()": "slantweb.logs.JsonFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["context", "scrub"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # slantweb.middleware logs one line a request, without its query string. These two would repeat it.
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        "django.request": {"level": "ERROR"},
    },
}

DEFAULT_EXCEPTION_REPORTER = "slantweb.logs.ScrubbedReporter"
