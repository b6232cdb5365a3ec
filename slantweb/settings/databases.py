"""The database and the cache."""

from slantweb.settings.environment import VAR_DIR, env

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
