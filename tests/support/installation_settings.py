"""The project's settings for an installation of the tests: the same, but no developer's `.env` is read."""

import environ

environ.Env.read_env = lambda *args, **kwargs: None

from slantweb.settings import *  # noqa: E402, F403
