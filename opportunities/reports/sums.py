"""Figures that add up one by one."""

from operator import add
from typing import Self


class Sums:
    """For a dataclass of numbers: the sum of two holds the sum of each."""

    def __add__(self, other: Self) -> Self:
        return type(self)(*map(add, vars(self).values(), vars(other).values()))
