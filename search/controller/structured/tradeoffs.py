"""Candidates that are best under a model, each at its own price of the costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.chain import best_options
from search.controller.structured.known_costs import KnownCosts
from search.controller.structured.sites import Options

Array = NDArray[np.float64]

PRICES = 64
OUTER = 0.005
"""The part of the cost at each end that may change hands beyond the outermost prices."""
REPAIRED, BISECTIONS = 6, 14
"""How many candidates above a bound are brought below it, and in how many steps."""


@dataclass(frozen=True)
class Model:
    """What is to be maximised: values (sites, widest) of the options, and pairs (sites,) of 1-bit neighbours.

    values is -inf where there is no option. one_bit: (sites, widest).
    """

    values: Array
    pairs: Array
    one_bit: NDArray[np.bool_]

    def best(self, paid: Array) -> Options:
        """The best options (N, sites), when each option costs what paid (N, sites, widest) says."""
        return best_options(self.values - paid, self.pairs, self.one_bit)

    def prices(self, share: Array) -> Array:
        """Prices (PRICES,) from the least to the greatest at which a choice changes, log-uniformly; one 0 for none.

        A choice between two options of a site changes where the price is the ratio of their differences in value and
        share. A ratio counts as much as the difference in share.
        """
        offered = np.isfinite(self.values)
        values = np.where(offered, self.values, 0.0)
        neighbours = np.abs(self.pairs) + np.abs(np.roll(self.pairs, 1))  # the last site has no pair
        spared = share[:, :, None] - share[:, None, :]
        site, more, less = np.nonzero((spared > 0) & offered[:, :, None] & offered[:, None, :])
        lost, weights = values[site, more] - values[site, less], spared[site, more, less]
        ratios = np.concatenate([lost - neighbours[site], lost + neighbours[site]]) / np.tile(weights, 2)
        ratios, weights = ratios[ratios > 0], np.tile(weights, 2)[ratios > 0]
        if not ratios.size:
            return np.zeros(1)
        order = np.argsort(ratios, kind="stable")
        part = np.cumsum(weights[order]) / weights.sum()
        ends = np.searchsorted(part, (OUTER, 1 - OUTER))
        first, last = ratios[order][np.minimum(ends, len(order) - 1)]
        return np.asarray(np.geomspace(first / 2, last * 2, PRICES))


def sweep(model: Model, share: Array, costs: KnownCosts) -> Options:
    """The distinct candidates (N, sites) that keep to the bounds and are best at some price of `share`.

    Some of those that would be above a bound are taken at the least price of the bounded costs that brings them below.
    Empty where no price does.
    """
    paid = model.prices(share)[:, None, None] * share
    options = model.best(paid)
    feasible = costs.feasible(options)
    bounded, found = costs.bounded_share(), options[feasible]
    if bounded is not None and not feasible.all():
        above = np.flatnonzero(~feasible)
        some = above[np.unique(np.linspace(0, len(above) - 1, REPAIRED).astype(int))]
        found = np.concatenate([found, _repaired(model, paid[some], bounded, costs)])
    first = {one.tobytes(): i for i, one in reversed(list(enumerate(found)))}
    return np.asarray(found[sorted(first.values())])


def _repaired(model: Model, paid: Array, bounded: Array, costs: KnownCosts) -> Options:
    """For each of paid (N, sites, widest) the best candidate at the least price of the bounded costs that is feasible.

    Those that no price makes feasible are left out.
    """
    prices = [Model(model.values - one, model.pairs, model.one_bit).prices(bounded) for one in paid]
    low, high = np.array([one[0] for one in prices]), np.array([one[-1] for one in prices])
    found = model.best(paid + high[:, None, None] * bounded)
    possible = costs.feasible(found)
    for _ in range(BISECTIONS):
        middle = np.sqrt(low * high)
        options = model.best(paid + middle[:, None, None] * bounded)
        feasible = costs.feasible(options)
        found = np.where(feasible[:, None], options, found)
        low, high = np.where(feasible, low, middle), np.where(feasible, middle, high)
    return np.asarray(found[possible])
