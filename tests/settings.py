"""The project's settings for tests: the same file, in an environment that no shell or `.env` can change."""

import atexit
import os
import shutil
import string
import tempfile
from pathlib import Path

import environ

from tests.support.environment import forget_environment

VAR_ROOT = Path(tempfile.mkdtemp(prefix="slantweb-tests-"))
atexit.register(shutil.rmtree, VAR_ROOT, ignore_errors=True)

forget_environment()
os.environ |= {
    "SECRET_KEY": "tests-only-" + string.ascii_letters,
    "DEMO": "1",
    "VAR_DIR": str(VAR_ROOT),
    # Nothing listens on the discard port. A test that needs Slant starts its own sandbox.
    "SLANT_BASE_URL": "http://127.0.0.1:9/v1",
    "SLANT_API_TOKEN": "slnt_pat_sandbox_write",
    # The style most tests were written in; tests/deals/test_dates.py has all of them.
    "DATE_STYLE": "eu",
    "VIEW_WAIT_SECONDS": "0.5",
    "LOOK_AFTER_SECONDS": "0.5,0.5,0.5",
    "QUIET_SECONDS": "0.5",
    "SCAN_GAP_SECONDS": "0.5",
}
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

# A developer's .env must not decide what a test sees.
environ.Env.read_env = lambda *args, **kwargs: None

# The environment above must be set before these load.
from slantweb.settings import *  # noqa: E402, F403
from slantweb.settings import DATABASES, STORAGES  # noqa: E402

_database = DATABASES["default"]
# Tests start and end threads and databases, so connections are not kept.
_database["CONN_MAX_AGE"] = 0
if "sqlite" in _database["ENGINE"]:
    # A file, not memory: tests that commit get a copy of it (tests/support/databases.py).
    _database["TEST"] = {"NAME": str(VAR_ROOT / "tests.sqlite3")}
    _database["OPTIONS"]["init_command"] = _database["OPTIONS"]["init_command"].replace(
        "synchronous=FULL", "synchronous=OFF"
    )
else:
    _database["CONN_HEALTH_CHECKS"] = False
    # Two runs at the same time on one server need databases of two names.
    _database["TEST"] = {"NAME": f"test_{os.environ.get('TEST_DATABASE_NAME', 'slantweb')}"}

# Hashed names are made by collectstatic, which tests do not run.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_AUTOREFRESH = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# pytest captures the log. Our handlers and their scrubbing have their own tests.
LOGGING_CONFIG = None
