"""The web process. It never calls Slant, so it takes no token, neither from a variable nor from a file."""

import os

# What it writes is for its own user (slantweb/private_files.py).
os.umask(0o077)
os.environ["SLANT_API_TOKEN"] = os.environ["SLANT_API_TOKEN_FILE"] = ""
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slantweb.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 - reads the settings

application = get_wsgi_application()

# After the application, which loads the settings and the models.
from opportunities.watch import threads  # noqa: E402

# The web notices that no worker lives: it is what remains.
threads.start()
