"""The columns of the linear model: what of a candidate adds to its accuracy."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.sites import Options, Site, Sites
from spaces.candidate import Value

GROUPS = ("intercept", "method", "layer", "neighbours", "pair", "teacher", "weight")
"""The columns of a group have one prior variance: how often a method is chosen over all layers, a layer's own method,
how many neighbours are both 1-bit, each pair of them, a term's teacher, and the loss weight that it teaches with."""
OPTIONAL = tuple(GROUPS.index(name) for name in ("neighbours", "pair", "weight"))
"""The groups that the evidence may leave out. Without the others, all layers or teachers would be alike."""

Share = tuple[int, float]
"""A column, and what an option adds to it."""


class Features:
    """The row of a candidate: sums over its options, and pairs of neighbouring layers that are both 1-bit.

    names, group: of each column; the group by its position in `GROUPS`.
    """

    def __init__(self, sites: Sites, one_bit: NDArray[np.bool_]) -> None:
        """one_bit: (sites, widest), which options make a layer 1-bit."""
        self.one_bit = one_bit
        self.names: list[str] = []
        self._groups: list[int] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._column("intercept", "")
        shares = [[self._shares(site, option) for option in range(len(site.options))] for site in sites.sites]
        layers = [k for k, site in enumerate(sites.sites) if site.is_layer]
        self._linked = np.array([k for k in layers[:-1] if one_bit[k].any() and one_bit[k + 1].any()], dtype=np.int64)
        self._both = self._column("neighbours", "")
        names = [f"{sites.sites[k].name}, {sites.sites[k + 1].name}" for k in self._linked]
        self._pairs = np.array([self._column("pair", name) for name in names], dtype=np.int64)
        self.group = np.array(self._groups)
        self._options = np.zeros((*one_bit.shape, len(self.names)))
        for k, options in enumerate(shares):
            for option, own in enumerate(options):
                for column, share in own:
                    self._options[k, option, column] = share
        self._each = np.arange(len(sites))

    def rows(self, options: Options) -> NDArray[np.float64]:
        """The rows (candidates, columns) of options (candidates, sites)."""
        rows = np.zeros((len(options), len(self.names)))
        for row, one in zip(rows, options, strict=True):
            row[:] = self._options[self._each, one].sum(0)
        rows[:, 0] = 1.0
        both = self._both_one_bit(options)
        rows[:, self._pairs] = both
        rows[:, self._both] = both.sum(1)
        return rows

    def accuracies(self, options: Options, effects: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rows times the effects (candidates,), without making the rows."""
        alone = self.values(effects)[self._each, options].sum(1)
        pairs = self._both_one_bit(options) @ self.pairs(effects)[self._linked]
        return np.asarray(effects[0] + alone + pairs)

    def values(self, effects: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each option adds to the accuracy (sites, widest), from the effects of the columns."""
        return np.asarray(self._options @ effects)

    def pairs(self, effects: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a site and the next one add when both are 1-bit (sites,)."""
        added = np.zeros(len(self._each))
        added[self._linked] = effects[self._pairs] + effects[self._both]
        return added

    def _both_one_bit(self, options: Options) -> NDArray[np.bool_]:
        """Which of the linked neighbours (candidates, pairs) are both 1-bit."""
        one_bit = self.one_bit[self._each, options]
        return np.asarray(one_bit[:, self._linked] & one_bit[:, self._linked + 1])

    def _column(self, group: str, name: str) -> int:
        """The number of a column, which is new where it has not been asked for."""
        if (group, name) not in self._numbers:
            self._numbers[group, name] = len(self.names)
            self.names.append(f"{group} {name}".strip())
            self._groups.append(GROUPS.index(group))
        return self._numbers[group, name]

    def _shares(self, site: Site, option: int) -> list[Share]:
        if option == 0:
            return []
        chosen = site.options[option]
        if not site.is_layer:
            return self._term_shares(site, chosen)
        method = str(chosen[site.name])
        return [(self._column("method", method), 1.0), (self._column("layer", f"{site.name} {method}"), 1.0)]

    def _term_shares(self, site: Site, chosen: Mapping[str, Value]) -> list[Share]:
        """A teacher, and the logarithm of its weight with its square, for the term and for each of its teachers."""
        teacher = f"{site.name} {chosen[site.name]}"
        shares = [(self._column("teacher", teacher), 1.0)]
        weights = [math.log(weight) for weight in site.weights()]
        if len(set(weights)) > 1:
            low, high = min(weights), max(weights)
            [weight] = (math.log(float(value)) for key, value in chosen.items() if key != site.name)
            x = (2 * weight - low - high) / (high - low)
            for whose in (site.name, teacher):
                shares.append((self._column("weight", f"{whose} log"), x))
                shares.append((self._column("weight", f"{whose} square of log"), x * x))
        return shares
