"""How the firm counts: its fiscal year, and when a deal is stale in a stage without a rule of its own."""

from slantweb.settings.environment import env

FISCAL_YEAR_START_MONTH = env.whole("FISCAL_YEAR_START_MONTH", 1, least=1, most=12)
STALE_AFTER_DAYS = env.whole("STALE_AFTER_DAYS", 30, least=1)
