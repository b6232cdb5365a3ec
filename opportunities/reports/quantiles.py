"""Medians and percentiles of counted numbers: `counts` says how many have each number."""

from collections.abc import Mapping


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The smallest number that at least `share` of all do not exceed; None of nothing."""
    whole = sum(counts.values())
    if not whole:
        return None
    below = 0
    for number in sorted(counts):
        below += counts[number]
        if below >= share * whole - 1e-9:
            return number
    return max(counts)


def median(counts: Mapping[int, int]) -> float | None:
    """The middle number, or the mean of the two in the middle; None of nothing."""
    whole = sum(counts.values())
    if not whole:
        return None
    return (_number_at(counts, (whole - 1) // 2) + _number_at(counts, whole // 2)) / 2


def mean(counts: Mapping[int, int]) -> float | None:
    whole = sum(counts.values())
    return sum(number * count for number, count in counts.items()) / whole if whole else None


def _number_at(counts: Mapping[int, int], place: int) -> int:
    for number in sorted(counts):
        place -= counts[number]
        if place < 0:
            return number
    raise IndexError(place)
