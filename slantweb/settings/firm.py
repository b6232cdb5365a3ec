"""The firm's rules: its fiscal year, when a deal is stale, and how it writes days and times."""

from opportunities.dates import STYLES
from slantweb.settings.application import TIME_ZONE
from slantweb.settings.environment import DEMO, env
from slantweb.variables import date_style_of

FISCAL_YEAR_START_MONTH = env.whole("FISCAL_YEAR_START_MONTH", 1, least=1, most=12)
STALE_AFTER_DAYS = env.whole("STALE_AFTER_DAYS", 30, least=1)
DATE_STYLE = env.one_of("DATE_STYLE", "us" if DEMO else date_style_of(TIME_ZONE), STYLES)
