"""HTTPS everywhere except in the loopback demo, proxies, limits, and the content security policy."""

from csp import constants

from slantweb.headers import HEADERS
from slantweb.settings.environment import DEMO, env
from slantweb.settings.sign_on import OIDC_CLIENT_ID, OIDC_ISSUER

# Until somebody can sign in there is one page, without cookies or data, that says what is missing. It must be
# readable on the machine itself, before there is a certificate.
SECURE_SSL_REDIRECT = not DEMO and bool(OIDC_ISSUER and OIDC_CLIENT_ID)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if DEMO else 2 * 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMO
SECURE_HSTS_PRELOAD = not DEMO
SECURE_REFERRER_POLICY = HEADERS["Referrer-Policy"]
X_FRAME_OPTIONS = "DENY"
# Addresses or networks. Forwarded headers from anybody else are dropped by TrustedProxiesMiddleware.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# The limit of a whole body of any type (BodyLimitMiddleware). Django's own limits exclude the files of a
# form.
REQUEST_BODY_MOST_BYTES = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_BODY_MOST_BYTES
# The limits of one person (opportunities/views/limits.py), far above normal use.
PAGES_A_MINUTE = env.whole("PAGES_A_MINUTE", 1200, least=60)
REPORTS_A_MINUTE = env.whole("REPORTS_A_MINUTE", 60, least=10)
CSRF_FAILURE_VIEW = "opportunities.views.errors.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [constants.NONE],
        "script-src": [constants.SELF],
        "style-src": [constants.SELF],
        "img-src": [constants.SELF, "data:"],
        "font-src": [constants.SELF],
        "connect-src": [constants.SELF],
        "form-action": [constants.SELF],
        # `default-src` says the same already, but scanners and ASVS 3.4.3 require it by name.
        "object-src": [constants.NONE],
        "base-uri": [constants.NONE],
        "frame-ancestors": [constants.NONE],
        "report-uri": ["/csp-report/"],
    }
}
