"""People, sessions and their cookies."""

from slantweb.settings.environment import DEMO, env

AUTH_USER_MODEL = "opportunities.Person"
AUTHENTICATION_BACKENDS = ["slantweb.auth.PersonBackend"]
LOGIN_URL = "/sign-in/"
MESSAGE_STORAGE = "slantweb.messages.SessionMessages"
SESSION_IDLE_MINUTES = env.whole("SESSION_IDLE_MINUTES", 30, least=3)
SESSION_COOKIE_AGE = 8 * 60 * 60
# Rows of the database that hold JSON and no cookie. Nothing that others can write is ever unpickled.
SESSION_ENGINE = "slantweb.session_rows"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
# Over plain http (the loopback demo alone) browsers refuse the __Host- prefix and the Secure mark.
if DEMO:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, THEME_COOKIE_NAME = "sessionid", "csrftoken", "theme"
else:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    # The last person's choice of light or dark, for the pages before sign-in.
    THEME_COOKIE_NAME = "__Host-theme"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
