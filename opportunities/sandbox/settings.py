"""The minimum of Django that the sandbox needs: no database, no sessions, no templates, no own middleware."""

from __future__ import annotations

# Nothing is signed here. Django only requires that the setting exists.
SECRET_KEY = "the sandbox signs nothing"  # noqa: S105
DEBUG = False
ALLOWED_HOSTS = ["*"]  # `/_...` checks its Host itself, see server.py
ROOT_URLCONF = "opportunities.sandbox.http"
INSTALLED_APPS: list[str] = []
MIDDLEWARE = ["opportunities.sandbox.http.method_not_allowed"]
DATABASES: dict[str, dict[str, str]] = {}
USE_TZ = True
TIME_ZONE = "UTC"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = None  # server.py caps bodies
# Errors of the sandbox go to its stderr alone. A 404 is not an error.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "ERROR"}},
}
