"""Settings of Slantweb: a module for each concern, in Django's own order, ours last.

* `environment`: folders, debug, demo, ports; the environment is read through it and nowhere else
* `application`: Django's own: keys, hosts, apps, middleware, templates, language, static files
* `databases`: the database and the cache
* `sessions`: people, sessions and their cookies
* `security`: HTTPS, proxies, limits, the content security policy
* `logs`: what is logged, and how
* `firm`: its fiscal year, and when a deal is stale
* `slant`: its address and token, the calls we may make, and how long we wait for it
* `sign_on`: the provider, roles, and how long a confirmation counts
* `alerts`: mail, alerts, metrics, the address of this site
* `audit`: checkpoints, witness, signing key, the name of this machine

Variables of the process have priority over `.env`, that over `demo.env` in VAR_DIR, and that over the
defaults. `manage.py demo` writes `demo.env`, so that a command typed beside a running demo has the same
settings. `.env.example` explains each variable.
"""

# In the order of the list above: a setting is read from its part by name, so the order decides nothing.
# ruff: noqa: F403, F405, I001
from slantweb import safe_start
from slantweb.settings.environment import *
from slantweb.settings.application import *
from slantweb.settings.databases import *
from slantweb.settings.sessions import *
from slantweb.settings.security import *
from slantweb.settings.logs import *
from slantweb.settings.firm import *
from slantweb.settings.slant import *
from slantweb.settings.sign_on import *
from slantweb.settings.alerts import *
from slantweb.settings.audit import *

safe_start.refuse_dangerous(
    debug=DEBUG,
    keys={"SECRET_KEY": [SECRET_KEY], "SECRET_KEY_FALLBACKS": SECRET_KEY_FALLBACKS},
    hosts=ALLOWED_HOSTS,
    proxies=TRUSTED_PROXIES,
    slant_base_url=SLANT_BASE_URL,
)
