"""Slant: its address and token, the calls we may make, and how long we wait for it."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from slantweb.settings.environment import DEMO, env, is_loopback

SLANT_BASE_URL = env.url("SLANT_BASE_URL").rstrip("/")
SLANT_API_TOKEN = env.secret("SLANT_API_TOKEN")
# Named so that `manage.py doctor` can tell who reads it.
SLANT_API_TOKEN_FILE = env.text("SLANT_API_TOKEN_FILE")
SLANT_APP_URL = env.url("SLANT_APP_URL").rstrip("/")
SLANT_HOURLY_BUDGET = env.whole("SLANT_HOURLY_BUDGET", 900, least=1)
SLANT_TIMEOUT_SECONDS = env.seconds("SLANT_TIMEOUT_SECONDS", 10, may_be_zero=False)
SLANT_IS_LOOPBACK = is_loopback(SLANT_BASE_URL)
# Where the demo's page "Make Slant misbehave" finds the sandbox's switches, if on a port of their own
# (--control-port): only then can a sandbox that is down refuse connections. Empty: on Slant's own port.
SANDBOX_CONTROL_URL = env.url("SANDBOX_CONTROL_URL").rstrip("/")
if SLANT_BASE_URL and not SLANT_BASE_URL.startswith("https://") and not SLANT_IS_LOOPBACK:
    raise ImproperlyConfigured("SLANT_BASE_URL must begin with https:// unless it is a loopback address.")
if SLANT_BASE_URL and not urlsplit(SLANT_BASE_URL).path.endswith("/v1"):
    raise ImproperlyConfigured("SLANT_BASE_URL must end with the version of the API: https://host/v1.")
if DEMO and not SLANT_IS_LOOPBACK:
    raise ImproperlyConfigured(
        "DEMO=1 lets anybody sign in, so it is refused unless SLANT_BASE_URL is a loopback address."
    )

# Waits, in seconds (reliability: looking at once, the quiet period, two scans apart)

VIEW_WAIT_SECONDS = env.seconds("VIEW_WAIT_SECONDS", 2)
LOOK_AFTER_SECONDS = env.many_seconds("LOOK_AFTER_SECONDS", [5, 20, 60])
QUIET_SECONDS = env.seconds("QUIET_SECONDS", 120)
SCAN_GAP_SECONDS = env.seconds("SCAN_GAP_SECONDS", 60)
SYNC_SECONDS = env.seconds("SYNC_SECONDS", 60, may_be_zero=False)
if (QUIET_SECONDS < 120 or SCAN_GAP_SECONDS < 60) and not SLANT_IS_LOOPBACK:
    raise ImproperlyConfigured(
        "QUIET_SECONDS below 120 or SCAN_GAP_SECONDS below 60 could double a deal; "
        "shorter waits are for a Slant on loopback only."
    )

# Accepted so that old environments still start, and ignored: the database itself wakes the workers.
QUEUE_URL = env.text("QUEUE_URL")
