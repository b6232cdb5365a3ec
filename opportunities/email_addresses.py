"""How e-mail addresses are compared: by ASCII letters alone.

`str.lower()` and `str.casefold()` map letters of other alphabets onto ASCII ones (the Kelvin sign onto k),
so that an address of somebody else would be taken for a colleague's.
"""

import string

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold_address(address: str) -> str:
    """`address` as it is stored and compared: A to Z in lower case, every other letter as it is."""
    return address.translate(_ASCII_LOWER)


def may_link(address: str) -> bool:
    """Whether `address` may link somebody to their place in Slant without a manager.

    Letters outside ASCII can look like others, so a manager decides about those.
    """
    return bool(address) and address.isascii() and address.isprintable()
