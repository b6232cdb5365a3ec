"""Reads money as people type it: 640000, 640,000, $640,000, 640k, 1.2m. The result is whole US dollars."""

import re
from decimal import Decimal

from opportunities.wording import fields as fields_words

LARGEST = 2_000_000_000
FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}

# A comma may only separate thousands: many countries write 1,2 for a decimal, so it must not become twelve.
AMOUNT = re.compile(r"(?P<digits>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.(?P<part>[0-9]*))?\s*(?P<factor>[km]?)")
MINUSES = "-\u2212\u2013"


def parse_money(text: str) -> int:
    """Whole dollars from 0 to 2,000,000,000. Raises `ValueError` with the sentence to show."""
    amount = text.strip().lower()
    negative = amount.lstrip("$ ").startswith(tuple(MINUSES))
    amount = amount.lstrip(f"$ {MINUSES}").strip()
    match = AMOUNT.fullmatch(amount)
    if not match:
        raise ValueError(fields_words.VALUE_NOT_A_NUMBER)
    if len(amount) > 20:
        # This also keeps the arithmetic below exact in Decimal.
        raise ValueError(fields_words.VALUE_TOO_LARGE)
    exact = Decimal(f"{match['digits'].replace(',', '')}.{match['part'] or '0'}") * FACTORS[match["factor"]]
    if negative and exact != 0:
        raise ValueError(fields_words.VALUE_NEGATIVE)
    if exact != exact.to_integral_value():
        raise ValueError(fields_words.VALUE_NOT_WHOLE)
    if exact > LARGEST:
        raise ValueError(fields_words.VALUE_TOO_LARGE)
    return int(exact)
