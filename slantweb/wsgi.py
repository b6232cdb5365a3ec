"""The web process. It never calls Slant, so it takes no token, neither from a variable nor from a file."""

import os

# Its files are readable only by its own user (slantweb/private_files.py).
os.umask(0o077)
os.environ["SLANT_API_TOKEN"] = os.environ["SLANT_API_TOKEN_FILE"] = ""
# Its threads share a few connections to PostgreSQL.
os.environ.setdefault("DATABASE_POOL", "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slantweb.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - reads the settings

application = get_wsgi_application()

# After the application, which loads the settings and the models.
from django.conf import settings  # noqa: E402

from opportunities.trail import event_macs  # noqa: E402
from opportunities.watch import threads  # noqa: E402
from slantweb import safe_start  # noqa: E402

if settings.DATABASES["default"]["ENGINE"].endswith("postgresql") and not (settings.DEMO or settings.DEBUG):
    safe_start.refuse_shared_token(settings.BASE_DIR / ".env")

event_macs.write_as_web()

# The web process detects that no worker runs, because it still does.
threads.start()
