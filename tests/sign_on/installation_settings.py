"""A server at a firm with company sign-on, whose claims are renewed after seconds instead of minutes."""

import os

from tests.support.installation_settings import *  # noqa: F403

CLAIMS_RENEW_SECONDS = int(os.environ["TEST_CLAIMS_RENEW_SECONDS"])
