"""The costs of all candidates from one look at each option: they are known before scoring, and sums over knobs."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.sites import Options, Sites
from spaces.candidate import Candidate

CHECKED, TOLERANCE = 8, 1e-6
"""How many random candidates decide whether the costs are sums, and the relative difference that rounding may make."""


class KnownCosts:
    """Each cost as a constant and a share of each option, and its upper bound.

    names: the costs. least, shares: the cost of the first options (costs,), and what each other option adds to it
    (costs, sites, widest). Where these sums are not the costs, they only guide the search, and `of` computes each
    candidate's.
    """

    def __init__(
        self, sites: Sites, costs: Callable[[Candidate], Mapping[str, float]], bounds: Mapping[str, float]
    ) -> None:
        self._sites, self._costs = sites, costs
        reference = np.zeros(len(sites), dtype=np.int64)
        self.names = tuple(self._figures(reference))
        self._constant = self._computed(reference)
        self.shares = np.zeros((len(self.names), len(sites), sites.widest))
        for k, site in enumerate(sites.sites):
            for option in range(1, len(site.options)):
                other = reference.copy()
                other[k] = option
                self.shares[:, k, option] = self._computed(other) - self._constant
        self._bounded = [self.names.index(name) for name in bounds]
        self._bounds = np.array(list(bounds.values()))
        some = [sites.random(np.random.default_rng(i)) for i in range(CHECKED)]
        self._additive = all(
            np.allclose(self._sums(one[None])[0], self._computed(one), rtol=TOLERANCE, atol=0.0) for one in some
        )

    def of(self, options: Options) -> NDArray[np.float64]:
        """The costs (candidates, costs) of options (candidates, sites)."""
        if self._additive:
            return self._sums(options)
        return np.stack([self._computed(one) for one in options])

    def dearest(self, cost: int) -> float:
        """The greatest value of a cost."""
        return float(self._constant[cost] + self.shares[cost].max(-1).sum())

    def feasible(self, options: Options) -> NDArray[np.bool_]:
        """Which of the options (candidates, sites) keep to the bounds."""
        if not self._bounded:
            return np.ones(len(options), dtype=np.bool_)
        return np.asarray((self.of(options)[:, self._bounded] <= self._bounds).all(1))

    def bounded_share(self) -> NDArray[np.float64] | None:
        """What each option adds (sites, widest) to the bounded costs, in units of their bounds; None without bounds."""
        if not self._bounded:
            return None
        return np.asarray((self.shares[self._bounded] / self._bounds[:, None, None]).sum(0))

    def _sums(self, options: Options) -> NDArray[np.float64]:
        chosen = self.shares[:, np.arange(len(self._sites)), options]  # (costs, candidates, sites)
        return np.asarray(self._constant + chosen.sum(-1).T)

    def _computed(self, options: Options) -> NDArray[np.float64]:
        figures = self._figures(options)
        return np.array([figures[name] for name in self.names])

    def _figures(self, options: Options) -> Mapping[str, float]:
        """The costs of options. One that is not offered costs what the first offered one does, as no teacher costs."""
        offered = self._sites.offered
        options = np.where(offered[np.arange(len(options)), options], options, offered.argmax(1))
        return self._costs(self._sites.space.canonical(Candidate(self._sites.params(options))))
