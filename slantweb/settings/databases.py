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
# A connection is kept after its request: opening one took a quarter of the time of a small answer, on both
# databases.
DATABASES["default"]["CONN_MAX_AGE"] = 60
# On PostgreSQL the threads of web and worker share a few connections: wsgi.py and manage.py set this.
DATABASE_POOL = env.flag("DATABASE_POOL")
DATABASE_CONNECTIONS = env.whole("DATABASE_CONNECTIONS", 8, least=2)
DATABASE_WAIT_SECONDS = env.seconds("DATABASE_WAIT_SECONDS", 2, may_be_zero=False)
# At most this many threads wait for a connection. The others answer at once that there is none, so that one
# of the eight answering threads is free for probes.
WAITING_MOST = 4
# A server that vanished sends nothing. By default Linux waits for it for a quarter of an hour, or for two
# hours if only its answer is missing. Values in the address have priority over these.
SILENCE = {
    "connect_timeout": 10,
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 20,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 5,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = SILENCE | DATABASES["default"].get("OPTIONS", {})
    if DATABASE_POOL:
        # The pool keeps connections open instead of Django, and closes those that were unused for a minute.
        DATABASES["default"]["CONN_MAX_AGE"] = 0
        DATABASES["default"]["OPTIONS"]["pool"] = {
            "min_size": 1,
            "max_size": DATABASE_CONNECTIONS,
            "max_waiting": WAITING_MOST,
            "timeout": DATABASE_WAIT_SECONDS,
            "max_idle": 60,
        }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# `default` may be a Redis that others can write to, so nothing is kept there: each process keeps
# the provider's keys, and what was just recorded, in its own memory.
CACHES = {
    "default": env.cache("CACHE_URL"),
    "process": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "process",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
