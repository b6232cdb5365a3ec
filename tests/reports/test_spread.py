"""What a sum of deals may come to, against every outcome there is."""

from itertools import product
from math import prod, sqrt

from hypothesis import given
from hypothesis import strategies as st

from opportunities.reports.spread import (
    NORMAL,
    QUANTILES,
    STEPS,
    TYPICAL,
    Deal,
    convolve,
    estimate_spread,
    spread_exactly,
    spread_from_moments,
    spread_on_grid,
    sum_moments,
)

deals = st.builds(Deal, st.integers(0, 2_000_000), st.integers(0, 100))
few = st.lists(deals, min_size=1, max_size=9)


def outcomes(deals: list[Deal]) -> list[tuple[int, float]]:
    """By brute force: each subset with its probability, the smallest sum first."""
    found = []
    for kept in product((True, False), repeat=len(deals)):
        total = sum(deal.value for deal, keep in zip(deals, kept, strict=True) if keep)
        likely = prod(
            deal.probability / 100 if keep else 1 - deal.probability / 100
            for deal, keep in zip(deals, kept, strict=True)
        )
        found.append((total, likely))
    return sorted(found)


def level(found: list[tuple[int, float]], share: float) -> int:
    below = 0.0
    for total, likely in found:
        below += likely
        if below >= share - 1e-9:
            return total
    return found[-1][0]


@given(few)
def test_exact_is_every_outcome(deals: list[Deal]) -> None:
    found, told = outcomes(deals), spread_exactly(deals)

    assert [told.p10, told.p50, told.p90] == [level(found, share) for share in QUANTILES]


@given(few)
def test_the_mean_is_the_weighted_total_whatever_the_method(deals: list[Deal]) -> None:
    weighted = sum(deal.value * deal.probability for deal in deals)

    assert [
        told.weighted
        for told in (spread_exactly(deals), spread_on_grid(deals), spread_from_moments(sum_moments(deals)))
    ] == [weighted] * 3
    assert abs(sum(total * likely for total, likely in outcomes(deals)) - weighted / 100) < 0.01
    uncertain = [deal for deal in deals if 0 < deal.probability < 100 and deal.value]
    if uncertain:
        step = sum(deal.value for deal in uncertain) / STEPS
        mean = sum(place * step * likely for place, likely in enumerate(convolve(uncertain, step)))
        assert abs(mean - sum(deal.value * deal.probability for deal in uncertain) / 100) < 0.01


@given(few)
def test_the_grid_is_within_its_stated_error(deals: list[Deal]) -> None:
    """A step a deal: no level of the sum moves further than the sum itself."""
    found, told = outcomes(deals), spread_on_grid(deals)
    within = sum(deal.value for deal in deals) / STEPS * len(deals) + 1

    for share, said in zip(QUANTILES, (told.p10, told.p50, told.p90), strict=True):
        assert level(found, share - 1e-6) - within <= said <= level(found, share + 1e-6) + within


@given(few)
def test_moments_are_those_of_the_outcomes_and_levels_within_their_stated_error(deals: list[Deal]) -> None:
    found, whole = outcomes(deals), sum_moments(deals)
    mean = sum(total * likely for total, likely in found)
    variance = sum((total - mean) ** 2 * likely for total, likely in found)
    third = sum((total - mean) ** 3 * likely for total, likely in found)

    assert abs(whole.variance - variance) <= 1e-6 * max(1, variance)
    assert abs(whole.third - third) <= 1e-6 * max(1, variance**1.5)
    told = spread_from_moments(whole)
    for share, said in zip(QUANTILES, (told.p10, told.p50, told.p90), strict=True):
        assert abs(said - level(found, share)) <= told.within


def test_fifteen_deals_the_three_ways() -> None:
    fifteen = [Deal(50_000 + 37_500 * place, (10, 20, 40, 60, 80)[place % 5]) for place in range(15)]
    found = outcomes(fifteen)
    true = [level(found, share) for share in QUANTILES]

    by_grid, by_moments = spread_on_grid(fifteen), spread_from_moments(sum_moments(fifteen))

    assert [spread_exactly(fifteen).p10, spread_exactly(fifteen).p50, spread_exactly(fifteen).p90] == true
    best = sum(deal.value for deal in fifteen)
    assert (
        max(abs(a - b) for a, b in zip(true, (by_grid.p10, by_grid.p50, by_grid.p90), strict=True))
        < best / 500
    )
    assert (
        max(abs(a - b) for a, b in zip(true, (by_moments.p10, by_moments.p50, by_moments.p90), strict=True))
        < best / 50
    )


def test_hundreds_of_deals_agree_between_grid_and_moments() -> None:
    many = [Deal(20_000 + (place * 7919) % 900_000, (10, 20, 40, 60, 80)[place % 5]) for place in range(400)]

    by_grid, by_moments = spread_on_grid(many), spread_from_moments(sum_moments(many))

    sigma = sqrt(sum_moments(many).variance)
    for one, other in (
        (by_grid.p10, by_moments.p10),
        (by_grid.p50, by_moments.p50),
        (by_grid.p90, by_moments.p90),
    ):
        assert abs(one - other) < 0.02 * sigma
    assert by_grid.within == round(by_grid.best / STEPS * TYPICAL * 20) + 1
    assert NORMAL[0] == -NORMAL[2]


def test_the_number_of_deals_chooses_the_way() -> None:
    def way(count: int) -> str:
        return estimate_spread([Deal(1000 + place, 40) for place in range(count)]).method

    assert [way(16), way(17), way(500), way(501)] == ["exact", "grid", "grid", "moments"]
    # What is certain, or worth nothing, costs no outcome.
    assert estimate_spread([Deal(1000, 100)] * 20 + [Deal(0, 50)] * 20).method == "exact"


def test_what_is_certain_is_certain() -> None:
    told = estimate_spread([Deal(70_000, 100), Deal(30_000, 0)])

    assert (told.p10, told.p50, told.p90, told.best) == (70_000, 70_000, 70_000, 100_000)
