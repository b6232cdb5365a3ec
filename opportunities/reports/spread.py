"""What a sum of independent deals may come to: each arrives whole with its probability, or not at all.

Three ways, by how many deals there are:

* up to 16: **exact** - every outcome there is;
* up to 500: **grid** - the convolution of the deals on a grid of 4,096 steps. A value between two points is split
  between them so that its mean stays what it is; so the mean of the whole is exact. Each deal is moved by less than one
  step, so no level is off by more than a step a deal; and as those errors are independent with mean nothing, by more
  than `TYPICAL` steps times the root of their number but for one case in a thousand (Hoeffding's inequality);
* above: **moments** - mean, variance and skew are exact, the quantiles come from them by Cornish and Fisher's expansion.
  Whatever the deals, a quantile so found and the true one both lie within three standard deviations of the mean
  (Cantelli's inequality), and with hundreds of deals they lie close together.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt

from .sums import Sums

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
class Moments(Sums):
    """Of a sum: `weighted` is its mean in hundredths of a dollar; variance and third central moment in
    dollars.
    """

    deals: int = 0
    best: int = 0
    weighted: int = 0
    variance: float = 0.0
    third: float = 0.0


@dataclass(frozen=True)
class Spread:
    """Three levels the sum stays below with probability 10, 50 and 90%, in whole dollars, and how they were
    found.

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


def spread(deals: Sequence[Deal]) -> Spread:
    """Of these deals, in the best way their number allows."""
    uncertain = sum(0 < deal.probability < 100 and deal.value > 0 for deal in deals)
    if uncertain <= EXACT_UP_TO:
        return exact(deals)
    return on_grid(deals) if uncertain <= GRID_UP_TO else from_moments(moments(deals))


def exact(deals: Iterable[Deal]) -> Spread:
    """Every sum there is with its probability; only for few deals."""
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
    return _spread(EXACT, moments(deals), levels, within=0)


def on_grid(deals: Iterable[Deal], steps: int = STEPS) -> Spread:
    """By convolution on a grid of `steps`."""
    deals = sorted(deals, key=lambda deal: deal.value)
    whole = moments(deals)
    certain = sum(deal.value for deal in deals if deal.probability >= 100)
    uncertain = [deal for deal in deals if 0 < deal.probability < 100 and deal.value > 0]
    best = sum(deal.value for deal in uncertain)
    if not best:
        return exact(deals)
    step = best / steps
    likely = grid(uncertain, step)
    levels = _levels([certain + round(place * step) for place in range(len(likely))], likely)
    off = step * min(len(uncertain), TYPICAL * sqrt(len(uncertain)))
    return _spread(GRID, whole, levels, within=round(off) + 1)


def grid(deals: Iterable[Deal], step: float) -> list[float]:
    """The probability of each point of the grid. Its mean is the sum of value times probability."""
    likely = [1.0]
    for deal in deals:
        chance = deal.probability / 100
        place, part = divmod(deal.value / step, 1.0)
        low, high, none = chance * (1 - part), chance * part, 1 - chance
        zeros = [0.0] * int(place)
        likely = [
            none * stay + low * there + high * beyond
            for stay, there, beyond in zip(
                [*likely, *zeros, 0.0], [*zeros, *likely, 0.0], [*zeros, 0.0, *likely], strict=True
            )
        ]
    return likely


def moments(deals: Iterable[Deal]) -> Moments:
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


def from_moments(whole: Moments) -> Spread:
    """By Cornish and Fisher from mean, variance and skew, kept within what Cantelli allows and what the deals
    can bring.
    """
    mean, sigma = whole.weighted / 100, sqrt(max(whole.variance, 0.0))
    skew = whole.third / sigma**3 if sigma else 0.0
    levels = []
    for share, z in zip(QUANTILES, NORMAL, strict=True):
        turn = z + (z * z - 1) * skew / 6 - (2 * z**3 - 5 * z) * skew * skew / 36
        lowest, highest = -sqrt((1 - share) / share), sqrt(share / (1 - share))
        level = mean + sigma * min(max(turn, lowest), highest)
        levels.append(round(min(max(level, 0.0), whole.best)))
    levels = list(accumulate(levels, max))
    # The widest of the three gaps Cantelli leaves open: from three deviations on one side to a third on the
    # other.
    return _spread(MOMENTS, whole, levels, within=round(sigma * (3 + 1 / 3)) + 1)


def _levels(totals: Sequence[int], likely: Sequence[float]) -> list[int]:
    """The smallest total each quantile's share of the outcomes does not exceed."""
    below = list(accumulate(likely))
    # Sums of floats: a share reached exactly must not be missed by the last digit.
    last = len(totals) - 1
    return [totals[min(bisect_left(below, share - 1e-9), last)] for share in QUANTILES]


def _spread(method: str, whole: Moments, levels: Sequence[int], within: int) -> Spread:
    p10, p50, p90 = levels
    return Spread(method, whole.deals, whole.weighted, p10, p50, p90, whole.best, within)
