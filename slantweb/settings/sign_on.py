"""Sign-on: the provider, who has which role, and how long a confirmation counts."""

from django.core.exceptions import ImproperlyConfigured

from opportunities.email_addresses import fold_address
from slantweb.settings.environment import env, is_loopback

OIDC_ISSUER = env.url("OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.secret("OIDC_CLIENT_SECRET")
OIDC_SCOPES = env.text("OIDC_SCOPES", "openid email profile").split()
OIDC_IS_LOOPBACK = is_loopback(OIDC_ISSUER)
if OIDC_ISSUER and not OIDC_ISSUER.startswith("https://") and not OIDC_IS_LOOPBACK:
    raise ImproperlyConfigured("OIDC_ISSUER must begin with https:// unless it is a loopback address.")
if "openid" not in OIDC_SCOPES:
    raise ImproperlyConfigured("OIDC_SCOPES must contain openid: without it a provider names nobody.")
# The required strength of a sign-in, as the provider's `acr` values. Empty: any.
OIDC_ACR_VALUES = env.text("OIDC_ACR_VALUES").split()
OIDC_GROUPS_CLAIM = env.text("OIDC_GROUPS_CLAIM", "groups")
OIDC_GROUPS = {role: env.names(f"OIDC_{role.upper()}_GROUPS") for role in ("sales", "manager", "compliance")}
OIDC_EMAILS = {
    role: [fold_address(email) for email in env.names(f"OIDC_{role.upper()}_EMAILS")]
    for role in ("sales", "manager", "compliance")
}
SIGN_ON = "slantweb.sign_on.SignOn"
# How often the provider is asked whether a person may still sign in, and how long its last confirmation
# counts.
CLAIMS_RENEW_SECONDS = 5 * 60
CLAIMS_LONGEST_SECONDS = 60 * 60
