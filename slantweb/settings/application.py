"""Django's own: keys, hosts, apps, middleware, templates, language and time, static files."""

import tomllib

from django.core.exceptions import ImproperlyConfigured

from slantweb.settings.environment import BASE_DIR, VAR_DIR, env

APP_VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Copy .env.example to .env and fill it in, or use `make run` for the demo."
    )
# Older keys still open what they signed or sealed, so that a new key does not end sessions.
SECRET_KEY_FALLBACKS = [key.strip() for key in env.secret("SECRET_KEY_FALLBACKS").split(",") if key.strip()]

ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "slantweb.apps.CollectedFiles",
    "django.forms",
    "django_htmx",
    "csp",
    "opportunities",
]

MIDDLEWARE = [
    # First, because error pages need `request.htmx` when any of the others refuses a request.
    "django_htmx.middleware.HtmxMiddleware",
    "slantweb.middleware.TrustedProxiesMiddleware",
    "slantweb.middleware.ProbesMiddleware",
    "slantweb.middleware.RequestIdMiddleware",
    "slantweb.middleware.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "slantweb.middleware.BodyLimitMiddleware",
    "slantweb.middleware.MachinesUseHttpsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "slantweb.middleware.DemoIsLocalMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "slantweb.signed_in.PersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "slantweb.middleware.SignInRequiredMiddleware",
]

ROOT_URLCONF = "slantweb.urls"
# Slantweb has its own host, so a mount path that a server names is ignored.
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

# Language and time: UTC inside, the firm's zone on pages.

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = env.zone("TIME_ZONE", "UTC")

# Static files

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# The default of whitenoise lets scripts of every site read static files.
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MIMETYPES = {".svg": "image/svg+xml; charset=utf-8"}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "slantweb.storage.HashedFiles"},
}
