"""How people learn of trouble: the mail server, alerts, metrics, and the address of this site."""

from urllib.parse import urlsplit

from slantweb.settings.application import ALLOWED_HOSTS
from slantweb.settings.environment import DEMO, PORT, env, is_loopback


def _site_url() -> str:
    """The address with the first host name that is not a loopback one; without one, this machine and its
    port.
    """
    names = [name.lstrip(".") for name in ALLOWED_HOSTS if name != "*" and not is_loopback(f"//{name}")]
    return f"https://{names[0]}" if names and not DEMO else f"http://127.0.0.1:{PORT}"


_email = env.connection("EMAIL_URL", "consolemail://", env.email_url_config)
EMAIL_BACKEND, EMAIL_FILE_PATH = _email["EMAIL_BACKEND"], _email["EMAIL_FILE_PATH"]
EMAIL_HOST, EMAIL_PORT = _email["EMAIL_HOST"], _email["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_USER"], _email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _email.get("EMAIL_USE_TLS", False), _email.get("EMAIL_USE_SSL", False)
# Seconds to wait for a mail server. After that the mail is tried again later.
EMAIL_TIMEOUT = env.seconds("EMAIL_TIMEOUT_SECONDS", 10, may_be_zero=False)
ALERT_EMAILS = env.names("ALERT_EMAILS")
# How long a cause must last before its alert opens (docs/operations.md, "Alerts").
ALERT_SLANT_AWAY_SECONDS = env.seconds("ALERT_SLANT_AWAY_SECONDS", 5 * 60)
ALERT_NO_WORKER_SECONDS = env.seconds("ALERT_NO_WORKER_SECONDS", 2 * 60)
ALERT_ROUNDS_FAIL_SECONDS = env.seconds("ALERT_ROUNDS_FAIL_SECONDS", 2 * 60)
ALERT_OLD_MIRROR_SECONDS = env.seconds("ALERT_OLD_MIRROR_SECONDS", 30 * 60)
ALERT_STUCK_QUEUE_SECONDS = env.seconds("ALERT_STUCK_QUEUE_SECONDS", 15 * 60)
ALERT_SPENT_BUDGET_SECONDS = env.seconds("ALERT_SPENT_BUDGET_SECONDS", 15 * 60)
ALERT_REVIEW_SECONDS = env.seconds("ALERT_REVIEW_SECONDS", 5 * 60)
# The address that people open, for the links in mails. It also names the installation in mails.
SITE_URL = env.url("SITE_URL").rstrip("/") or _site_url()
ALERT_FROM = env.text("ALERT_FROM") or f"Slantweb <slantweb@{urlsplit(SITE_URL).hostname}>"
METRICS_TOKEN = env.secret("METRICS_TOKEN")
# Where the web processes of one gunicorn write what /metrics adds up; deploy/gunicorn.conf.py makes it.
PROMETHEUS_MULTIPROC_DIR = env.text("PROMETHEUS_MULTIPROC_DIR")
