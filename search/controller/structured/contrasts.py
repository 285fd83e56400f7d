"""What is compared in a table of effects: a choice of a knob against the knob's reference choice."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.controller.structured.features import GROUPS, Features
from search.controller.structured.sites import Options, Site, Sites

Array = NDArray[np.float64]
NEIGHBOURS, PAIR, WEIGHT = (GROUPS.index(name) for name in ("neighbours", "pair", "weight"))


@dataclass(frozen=True)
class Contrast:
    """A choice of a knob against its reference choice, all other knobs being the same.

    combination: (columns,), what the effects of the columns are multiplied with. base: (columns,), the row that this is
    added to: the reference choice, where all other knobs have theirs. chosen: (candidates,), which candidates made the
    choice. site, options: where the costs differ: the site's option and the one compared with.
    """

    kind: str
    knob: str
    choice: str
    reference: str
    combination: Array
    base: Array
    chosen: NDArray[np.bool_]
    site: int = 0
    options: tuple[int, int] = (0, 0)


def contrasts(sites: Sites, features: Features, candidates: Options) -> Iterator[Contrast]:
    """All contrasts of a space. candidates: (candidates, sites)."""
    table = _Contrasts(sites, features, candidates)
    for k, site in enumerate(sites.sites):
        if site.is_layer:
            yield from table.of_layer(k, site)
        else:
            yield from table.of_teachers(k, site)
            yield from table.of_weights(k, site)
    yield from table.of_pairs()


class _Contrasts:
    def __init__(self, sites: Sites, features: Features, candidates: Options) -> None:
        self._sites, self._features, self._candidates = sites, features, candidates
        one_bit = features.one_bit[np.arange(len(sites)), candidates]
        linked = [k for k in range(len(sites) - 1) if self._pair_name(k) in features.names]
        self._both = {k: one_bit[:, k] & one_bit[:, k + 1] for k in linked}

    def of_layer(self, k: int, site: Site) -> Iterator[Contrast]:
        """Each method of a layer against the first, where no neighbours are both 1-bit."""
        first, *others = self._alone(k, range(len(site.options)), without=(NEIGHBOURS, PAIR))
        methods = [str(option[site.name]) for option in site.options]
        for option, row in enumerate(others, start=1):
            chosen = self._candidates[:, k] == option
            yield Contrast("layer", site.name, methods[option], methods[0], row - first, first, chosen, k, (option, 0))

    def of_teachers(self, k: int, site: Site) -> Iterator[Contrast]:
        """Each teacher of a term, at the middle weight, against none; against the first where a term must have one."""
        options = {str(option[site.name]): i for i, option in reversed([*enumerate(site.options)]) if site.offered[i]}
        (reference, first), *others = sorted(options.items(), key=lambda item: item[1])
        rows = self._alone(k, [first, *(option for _, option in others)], without=(WEIGHT,))
        for (teacher, _), row in zip(others, rows[1:], strict=True):
            chosen = self._chose(k, site, site.name, teacher)
            yield Contrast("teacher", site.name, teacher, reference, row - rows[0], rows[0], chosen)

    def of_weights(self, k: int, site: Site) -> Iterator[Contrast]:
        """A term's lowest and highest loss weight against the middle on a log scale: the mean over its teachers."""
        weights = sorted(set(site.weights()))
        if len(weights) < 2:
            return
        middle = math.sqrt(weights[0] * weights[-1])
        [key] = {key for option in site.options for key in option if key != site.name}
        for weight in (weights[0], weights[-1]):
            options = [i for i, option in enumerate(site.options) if option.get(key) == weight]
            base = self._alone(k, options, without=(WEIGHT,)).mean(0)
            row = self._alone(k, options).mean(0) - base
            yield Contrast("weight", key, f"{weight:g}", f"{middle:.3g}", row, base, self._chose(k, site, key, weight))

    def of_pairs(self) -> Iterator[Contrast]:
        """Each two neighbouring layers that both have about their lowest cost, against the sum of their own effects."""
        for k, both in self._both.items():
            pair = self._pair_name(k)
            row = np.array([name in ("neighbours", pair) for name in self._features.names], dtype=np.float64)
            cheapest = self._features.one_bit[[k, k + 1]].argmax(1)
            ends = [
                self._alone(at, [option], without=(NEIGHBOURS, PAIR))[0]
                for at, option in zip((k, k + 1), cheapest, strict=True)
            ]
            base = ends[0] + ends[1] - self._alone(k, [0], without=(NEIGHBOURS, PAIR))[0]
            yield Contrast("neighbours", pair.removeprefix("pair "), "both cheapest", "sum of both", row, base, both)

    def _pair_name(self, k: int) -> str:
        return f"pair {self._sites.sites[k].name}, {self._sites.sites[k + 1].name}"

    def _chose(self, k: int, site: Site, key: str, value: object) -> NDArray[np.bool_]:
        options = [i for i, option in enumerate(site.options) if str(option.get(key)) == str(value)]
        return np.isin(self._candidates[:, k], options)

    def _alone(self, k: int, options: list[int] | range, without: tuple[int, ...] = ()) -> Array:
        """Rows of the options of a site, all others being the first; 0 in the columns of the groups `without`."""
        candidates = np.zeros((len(options), len(self._sites)), dtype=np.int64)
        candidates[:, k] = options
        rows = self._features.rows(candidates)
        rows[:, np.isin(self._features.group, without)] = 0.0
        return rows
