"""Settings of Slantweb, in Django's own order; ours last, a heading per concern.

This is the only module that reads the environment, through `slantweb/variables.py`. Variables of the process
win over `.env`, which wins over `demo.env` in VAR_DIR (written by `manage.py demo`, so that a command typed
beside a running demo has the same settings), which wins over the defaults below. `.env.example` explains each
variable.
"""

import socket
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from opportunities.email_addresses import fold_address
from slantweb import safe_start
from slantweb.variables import Variables

BASE_DIR = Path(__file__).resolve().parent.parent

env = Variables()
env.read_env(BASE_DIR / ".env")
VAR_DIR = Path(env.text("VAR_DIR", "var"))
if not VAR_DIR.is_absolute():
    VAR_DIR = BASE_DIR / VAR_DIR
env.read_env(VAR_DIR / "demo.env")


def _is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in {"127.0.0.1", "localhost", "::1"}


# Core

DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")
PORT = env.whole("PORT", 8000, least=1, most=65_535)
SANDBOX_PORT = env.whole("SANDBOX_PORT", 8001, least=1, most=65_535)

SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Copy .env.example to .env and fill it in, or use `make run` for the demo."
    )
# Older keys, still good for what they signed and sealed, so that a new key signs nobody out.
SECRET_KEY_FALLBACKS = [key.strip() for key in env.secret("SECRET_KEY_FALLBACKS").split(",") if key.strip()]

ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "csp",
    "opportunities",
]

MIDDLEWARE = [
    # First, because the error pages of every other one ask `request.htmx`.
    "django_htmx.middleware.HtmxMiddleware",
    "slantweb.middleware.TrustedProxiesMiddleware",
    "slantweb.middleware.RequestIdMiddleware",
    "slantweb.middleware.HeadersMiddleware",
    "slantweb.middleware.BodyLimitMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "slantweb.middleware.DemoIsLocalMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "slantweb.middleware.SignInRequiredMiddleware",
]

ROOT_URLCONF = "slantweb.urls"
# Slantweb has a host of its own: whatever a server says of a path it is mounted below does not count.
FORCE_SCRIPT_NAME = ""
WSGI_APPLICATION = "slantweb.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["slantweb.template_loader.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "opportunities.views.shell.shell",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Database

DATABASES = {
    "default": env.connection(
        "DATABASE_URL",
        f"sqlite:///{VAR_DIR / 'slantweb.sqlite3'}",
        env.db_url_config,
        ("sqlite", "postgresql", "postgres"),
    )
}
# A connection outlives its request: opening one took a quarter of a small answer, on either database.
DATABASES["default"]["CONN_MAX_AGE"] = 60
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache("CACHE_URL")}

# People and sessions

AUTH_USER_MODEL = "opportunities.Person"
AUTHENTICATION_BACKENDS = ["slantweb.auth.PersonBackend"]
LOGIN_URL = "/sign-in/"
MESSAGE_STORAGE = "slantweb.messages.InSession"
SESSION_IDLE_MINUTES = env.whole("SESSION_IDLE_MINUTES", 30, least=1)
SESSION_COOKIE_AGE = 8 * 60 * 60
# Rows of the database that hold JSON. Nothing that others can write is ever unpickled.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
# How often the provider is asked whether a person may still come in, and how long its last yes counts.
CLAIMS_RENEW_SECONDS = 5 * 60
CLAIMS_LONGEST_SECONDS = 60 * 60
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
# Over plain http (the loopback demo alone) browsers refuse the __Host- prefix and the Secure mark.
if DEMO:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "sessionid", "csrftoken"
else:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

# Language and time: UTC inside, the firm's zone on pages.

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.zone("TIME_ZONE", "UTC")
FISCAL_YEAR_START_MONTH = env.whole("FISCAL_YEAR_START_MONTH", 1, least=1, most=12)

# Static files

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "slantweb.storage.HashedFiles"},
}

# Security: HTTPS everywhere but in the loopback demo (SECURE_SSL_REDIRECT stands under "Sign-on")

SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if DEMO else 2 * 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMO
SECURE_HSTS_PRELOAD = not DEMO
# Never no-referrer: Chromium then sends `Origin: null` on plain form posts and Django answers 403.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Addresses or networks. Forwarded headers from anybody else are dropped by TrustedProxiesMiddleware.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Of a whole body, whatever its type: BodyLimitMiddleware. Django's own limits leave out the files of a form.
REQUEST_BODY_MOST_BYTES = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_BODY_MOST_BYTES
# The ceilings of one person (opportunities/views/limits.py), far above what anybody looks at.
PAGES_A_MINUTE = env.whole("PAGES_A_MINUTE", 1200, least=60)
REPORTS_A_MINUTE = env.whole("REPORTS_A_MINUTE", 60, least=10)
CSRF_FAILURE_VIEW = "opportunities.views.errors.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "report-uri": ["/csp-report/"],
    }
}

# Logging: one JSON line an event, scrubbed of secrets in every handler

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

# This machine, as the head file outside the database names it (docs/operations.md)

MACHINE_NAME = env.str("MACHINE_NAME", default=socket.gethostname())

# Slant

SLANT_BASE_URL = env.url("SLANT_BASE_URL").rstrip("/")
SLANT_API_TOKEN = env.secret("SLANT_API_TOKEN")
SLANT_APP_URL = env.url("SLANT_APP_URL").rstrip("/")
SLANT_HOURLY_BUDGET = env.whole("SLANT_HOURLY_BUDGET", 900, least=1)
SLANT_TIMEOUT_SECONDS = env.seconds("SLANT_TIMEOUT_SECONDS", 10, may_be_zero=False)
SLANT_IS_LOOPBACK = _is_loopback(SLANT_BASE_URL)
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
STALE_AFTER_DAYS = env.whole("STALE_AFTER_DAYS", 30, least=1)
if (QUIET_SECONDS < 120 or SCAN_GAP_SECONDS < 60) and not SLANT_IS_LOOPBACK:
    raise ImproperlyConfigured(
        "QUIET_SECONDS below 120 or SCAN_GAP_SECONDS below 60 could double a deal; "
        "shorter waits are for a Slant on loopback only."
    )

# Accepted so that old environments still start, and ignored: the database itself wakes the workers.

QUEUE_URL = env.text("QUEUE_URL")

# Sign-on

OIDC_ISSUER = env.url("OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.secret("OIDC_CLIENT_SECRET")
OIDC_SCOPES = env.text("OIDC_SCOPES", "openid email profile").split()
OIDC_IS_LOOPBACK = _is_loopback(OIDC_ISSUER)
if OIDC_ISSUER and not OIDC_ISSUER.startswith("https://") and not OIDC_IS_LOOPBACK:
    raise ImproperlyConfigured("OIDC_ISSUER must begin with https:// unless it is a loopback address.")
if "openid" not in OIDC_SCOPES:
    raise ImproperlyConfigured("OIDC_SCOPES must contain openid: without it a provider names nobody.")
OIDC_GROUPS_CLAIM = env.text("OIDC_GROUPS_CLAIM", "groups")
OIDC_GROUPS = {role: env.names(f"OIDC_{role.upper()}_GROUPS") for role in ("sales", "manager", "compliance")}
OIDC_EMAILS = {
    role: [fold_address(email) for email in env.names(f"OIDC_{role.upper()}_EMAILS")]
    for role in ("sales", "manager", "compliance")
}
# Until somebody can sign in there is one page, without cookies or data, that says what is missing. It must be
# readable on the machine itself, before there is a certificate.
SECURE_SSL_REDIRECT = not DEMO and bool(OIDC_ISSUER and OIDC_CLIENT_ID)
SIGN_ON = "slantweb.sign_on.SignOn"

# Alerts, metrics, audit


def _site_url() -> str:
    """The first name that is not this machine's own; without one, this machine and its port."""
    names = [name.lstrip(".") for name in ALLOWED_HOSTS if name != "*" and not _is_loopback(f"//{name}")]
    return f"https://{names[0]}" if names and not DEMO else f"http://127.0.0.1:{PORT}"


_email = env.connection("EMAIL_URL", "consolemail://", env.email_url_config)
EMAIL_BACKEND, EMAIL_FILE_PATH = _email["EMAIL_BACKEND"], _email["EMAIL_FILE_PATH"]
EMAIL_HOST, EMAIL_PORT = _email["EMAIL_HOST"], _email["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_USER"], _email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _email.get("EMAIL_USE_TLS", False), _email.get("EMAIL_USE_SSL", False)
# A mail server that is slow is as good as none: the mail is tried again later.
EMAIL_TIMEOUT = env.seconds("EMAIL_TIMEOUT_SECONDS", 10, may_be_zero=False)
ALERT_EMAILS = env.names("ALERT_EMAILS")
# For how long a cause must stand before its alert opens (docs/operations.md, "Alerts").
ALERT_SLANT_AWAY_SECONDS = env.seconds("ALERT_SLANT_AWAY_SECONDS", 5 * 60)
ALERT_NO_WORKER_SECONDS = env.seconds("ALERT_NO_WORKER_SECONDS", 2 * 60)
ALERT_ROUNDS_FAIL_SECONDS = env.seconds("ALERT_ROUNDS_FAIL_SECONDS", 2 * 60)
ALERT_OLD_MIRROR_SECONDS = env.seconds("ALERT_OLD_MIRROR_SECONDS", 30 * 60)
ALERT_STUCK_QUEUE_SECONDS = env.seconds("ALERT_STUCK_QUEUE_SECONDS", 15 * 60)
ALERT_SPENT_BUDGET_SECONDS = env.seconds("ALERT_SPENT_BUDGET_SECONDS", 15 * 60)
ALERT_REVIEW_SECONDS = env.seconds("ALERT_REVIEW_SECONDS", 5 * 60)
# The address people open, for the links in mails. It also says in them which installation speaks.
SITE_URL = env.url("SITE_URL").rstrip("/") or _site_url()
ALERT_FROM = env.text("ALERT_FROM") or f"Slantweb <slantweb@{urlsplit(SITE_URL).hostname}>"
METRICS_TOKEN = env.secret("METRICS_TOKEN")
# Empty: `checkpoints` and `audit-signing-key` in VAR_DIR, and the key is made when first needed.
AUDIT_CHECKPOINT_DIR = env.text("AUDIT_CHECKPOINT_DIR")
AUDIT_WITNESS_DIR = env.text("AUDIT_WITNESS_DIR")
AUDIT_SIGNING_KEY_FILE = env.text("AUDIT_SIGNING_KEY_FILE")
APP_VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
safe_start.refuse_dangerous(
    debug=DEBUG,
    keys={"SECRET_KEY": [SECRET_KEY], "SECRET_KEY_FALLBACKS": SECRET_KEY_FALLBACKS},
    hosts=ALLOWED_HOSTS,
    proxies=TRUSTED_PROXIES,
    slant_base_url=SLANT_BASE_URL,
)
