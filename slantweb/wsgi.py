"""The web process. It never calls Slant, so it takes no token, neither from a variable nor from a file."""

import os

os.environ["SLANT_API_TOKEN"] = os.environ["SLANT_API_TOKEN_FILE"] = ""
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slantweb.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

# After the application, which loads the settings and the models.
from opportunities.watch import threads  # noqa: E402

# The web notices that no worker lives: it is what remains.
threads.start()
