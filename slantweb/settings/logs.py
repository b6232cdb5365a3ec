"""Logging: one JSON line an event, scrubbed of secrets in every handler."""

from slantweb.settings.environment import env

# Of our own lines and gunicorn's: what is less than this is not written.
LOG_LEVEL = env.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "context": {"()": "slantweb.logs.ContextFilter"},
        "one_line": {"()": "slantweb.logs.OneLineFilter"},
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
            "filters": ["context", "one_line", "scrub"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # At DEBUG Django logs each statement with its values, which are client data.
        "django": {"handlers": [], "level": "INFO" if LOG_LEVEL == "DEBUG" else LOG_LEVEL, "propagate": True},
        # slantweb.middleware logs one line a request, without its query string. These two would repeat it.
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        "django.request": {"level": "ERROR"},
    },
}

DEFAULT_EXCEPTION_REPORTER = "slantweb.logs.ScrubbedReporter"
