"""What a sum of independent deals may come to: each arrives whole with its probability, or not at all.

There are three ways, by how many deals are uncertain:

* up to 16: **exact**, every outcome there is;
* up to 500: **grid**, the convolution of the deals on a grid of 4,096 steps. A value between two points is
  split between them so that its mean stays, so the mean of the whole is exact. Each deal is moved by less
  than one step, so no level is off by more than a step a deal. As those errors are independent with mean 0,
  a level is off by more than `TYPICAL` steps times the root of their number in one case of a thousand
  (Hoeffding's inequality);
* above: **moments**. Mean, variance and skew are exact, and the expansion of Cornish and Fisher gives the
  quantiles. A quantile found so and the true one both lie within three standard deviations of the mean
  (Cantelli's inequality); with hundreds of deals they lie close together.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt

EXACT, GRID, MOMENTS = "exact", "grid", "moments"
EXACT_UP_TO = 16
GRID_UP_TO = 500
STEPS = 4096
# The root of ln(2 / 0.001) / 2.
TYPICAL = 1.95
QUANTILES = (0.1, 0.5, 0.9)
# The standard normal quantiles of QUANTILES.
NORMAL = (-1.2815515655446004, 0.0, 1.2815515655446004)


@dataclass(frozen=True)
class Deal:
    """`value` in whole dollars; `probability` 0 to 100."""

    value: int
    probability: int


@dataclass(frozen=True)
class Moments:
    """Of a sum: `weighted` is its mean in hundredths of a dollar; the others are in dollars."""

    deals: int = 0
    best: int = 0
    weighted: int = 0
    variance: float = 0.0
    third: float = 0.0

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.deals + other.deals,
            self.best + other.best,
            self.weighted + other.weighted,
            self.variance + other.variance,
            self.third + other.third,
        )


@dataclass(frozen=True)
class Spread:
    """Levels the sum stays below with probability 10, 50 and 90%, in whole dollars, and how they were found.

    `weighted` is the mean in hundredths of a dollar: the weighted total, whatever the method. `within` is how
    far a level may be off, in dollars.
    """

    method: str
    deals: int
    weighted: int
    p10: int
    p50: int
    p90: int
    best: int
    within: int


def estimate_spread(deals: Sequence[Deal]) -> Spread:
    """The spread of these deals, in the best way their number allows."""
    uncertain = sum(0 < deal.probability < 100 and deal.value > 0 for deal in deals)
    if uncertain <= EXACT_UP_TO:
        return spread_exactly(deals)
    return spread_on_grid(deals) if uncertain <= GRID_UP_TO else spread_from_moments(sum_moments(deals))


def spread_exactly(deals: Iterable[Deal]) -> Spread:
    """From every sum there is, with its probability. Only for few deals."""
    deals = list(deals)
    outcomes: dict[int, float] = {0: 1.0}
    for deal in deals:
        chance = deal.probability / 100
        then: dict[int, float] = defaultdict(float)
        for total, likely in outcomes.items():
            if chance < 1:
                then[total] += likely * (1 - chance)
            if chance > 0:
                then[total + deal.value] += likely * chance
        outcomes = then
    totals = sorted(outcomes)
    levels = _levels(totals, [outcomes[total] for total in totals])
    return _spread(EXACT, sum_moments(deals), levels, within=0)


def spread_on_grid(deals: Iterable[Deal], steps: int = STEPS) -> Spread:
    """From the convolution of the deals on a grid of `steps`."""
    deals = sorted(deals, key=lambda deal: deal.value)
    whole = sum_moments(deals)
    certain = sum(deal.value for deal in deals if deal.probability >= 100)
    uncertain = [deal for deal in deals if 0 < deal.probability < 100 and deal.value > 0]
    best = sum(deal.value for deal in uncertain)
    if not best:
        return spread_exactly(deals)
    step = best / steps
    likely = convolve(uncertain, step)
    levels = _levels([certain + round(place * step) for place in range(len(likely))], likely)
    off = step * min(len(uncertain), TYPICAL * sqrt(len(uncertain)))
    return _spread(GRID, whole, levels, within=round(off) + 1)


def convolve(deals: Iterable[Deal], step: float) -> list[float]:
    """The probability of each point of the grid. Its mean is the sum of value times probability."""
    likely = [1.0]
    for deal in deals:
        chance = deal.probability / 100
        place, part = divmod(deal.value / step, 1.0)
        low, high, none = chance * (1 - part), chance * part, 1 - chance
        zeros = [0.0] * int(place)
        likely = [
            none * stay + low * placed + high * beyond
            for stay, placed, beyond in zip(
                [*likely, *zeros, 0.0], [*zeros, *likely, 0.0], [*zeros, 0.0, *likely], strict=True
            )
        ]
    return likely


def sum_moments(deals: Iterable[Deal]) -> Moments:
    """Mean, variance and third central moment of the sum: those of independent deals add up."""
    count = best = weighted = 0
    variance = third = 0.0
    for deal in deals:
        chance = deal.probability / 100
        count += 1
        best += deal.value
        weighted += deal.value * deal.probability
        part = deal.value**2 * chance * (1 - chance)
        variance += part
        third += part * deal.value * (1 - 2 * chance)
    return Moments(count, best, weighted, variance, third)


def spread_from_moments(whole: Moments) -> Spread:
    """By Cornish and Fisher, kept within what Cantelli allows and what the deals can bring."""
    mean, sigma = whole.weighted / 100, sqrt(max(whole.variance, 0.0))
    skew = whole.third / sigma**3 if sigma else 0.0
    levels = []
    for share, z in zip(QUANTILES, NORMAL, strict=True):
        turn = z + (z * z - 1) * skew / 6 - (2 * z**3 - 5 * z) * skew * skew / 36
        lowest, highest = -sqrt((1 - share) / share), sqrt(share / (1 - share))
        level = mean + sigma * min(max(turn, lowest), highest)
        levels.append(round(min(max(level, 0.0), whole.best)))
    levels = list(accumulate(levels, max))
    # The widest gap Cantelli leaves open: from three deviations on one side to a third on the other.
    return _spread(MOMENTS, whole, levels, within=round(sigma * (3 + 1 / 3)) + 1)


def _levels(totals: Sequence[int], likely: Sequence[float]) -> list[int]:
    """The smallest total each quantile's share of the outcomes does not exceed."""
    below = list(accumulate(likely))
    # A sum of floats may miss a share it reaches exactly by the last digit.
    last = len(totals) - 1
    return [totals[min(bisect_left(below, share - 1e-9), last)] for share in QUANTILES]


def _spread(method: str, whole: Moments, levels: Sequence[int], within: int) -> Spread:
    p10, p50, p90 = levels
    return Spread(method, whole.deals, whole.weighted, p10, p50, p90, whole.best, within)
