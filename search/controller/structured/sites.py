"""A search space as a row of sites: what is chosen together, with the options of each, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.candidate import NO_TEACHER, Candidate, Value
from spaces.space import Knob, SearchSpace

Options = NDArray[np.int64]
"""One option of each site, by its position: (sites,), or (candidates, sites)."""


@dataclass(frozen=True)
class Site:
    """Knobs whose effects do not add: one layer's, or a term's teacher and weight.

    name: the key of the layer or teacher knob. options: what each gives to its knobs. The first one is what others are
    compared with: of a layer its first choice, of a term no teacher. Where a term must have a teacher, the first
    option stands for a term without an effect, and `offered` says that it can't be chosen.
    """

    name: str
    is_layer: bool
    options: tuple[Mapping[str, Value], ...]
    offered: tuple[bool, ...]

    @classmethod
    def of_layer(cls, knob: Knob) -> "Site":
        return cls(knob.key, True, tuple({knob.key: choice} for choice in knob.choices), (True,) * len(knob.choices))

    @classmethod
    def of_term(cls, teacher: Knob, weight: Knob | None) -> "Site":
        weights: list[Mapping[str, Value]] = [{}] if weight is None else [{weight.key: one} for one in weight.choices]
        taught = [{teacher.key: name} | dict(one) for name in teacher.choices if name != NO_TEACHER for one in weights]
        offered = (NO_TEACHER in teacher.choices, *(True,) * len(taught))
        return cls(teacher.key, False, ({teacher.key: NO_TEACHER}, *taught), offered)

    def positions(self) -> tuple[tuple[str, ...], dict[tuple[Value, ...], int]]:
        """The keys of its knobs, and each option's position by the values of these."""
        keys = tuple(dict.fromkeys(key for option in self.options for key in option))
        return keys, {tuple(option.values()): i for i, option in enumerate(self.options)}

    def weights(self) -> list[float]:
        """The loss weights of all options that have one."""
        return [float(value) for option in self.options for key, value in option.items() if key != self.name]


class Sites:
    """All sites of a space, layers first, and the way between candidates and options."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        weights = {knob.name: knob for knob in space.knobs if knob.kind == "weight"}
        layers = [Site.of_layer(knob) for knob in space.knobs if knob.kind == "layer"]
        terms = [Site.of_term(knob, weights.get(knob.name)) for knob in space.knobs if knob.kind == "teacher"]
        self.sites = (*layers, *terms)
        self.widest = max(len(site.options) for site in self.sites)
        self.offered = np.zeros((len(self.sites), self.widest), dtype=np.bool_)
        for row, site in zip(self.offered, self.sites, strict=True):
            row[: len(site.options)] = site.offered
        self._layers = [(one.name, {option[one.name]: i for i, option in enumerate(one.options)}) for one in layers]
        self._terms = [(*site.positions(), space.layer_terms.get(site.name.partition("/")[2])) for site in terms]
        self._idle = dict(space.complete(Candidate({})))

    def __len__(self) -> int:
        return len(self.sites)

    def options(self, params: Mapping[str, Value]) -> Options | None:
        """The options (sites,) of a full candidate, the first of a term without an effect. None for another space's."""
        chosen = [position.get(params.get(key, ""), -1) for key, position in self._layers]
        methods = {str(params.get(key)) for key, _ in self._layers}
        for keys, position, acts_on in self._terms:
            idle = params.get(keys[0]) == NO_TEACHER or (acts_on is not None and not any(map(acts_on, methods)))
            chosen.append(0 if idle else position.get(tuple(params.get(key, "") for key in keys), -1))
        return None if -1 in chosen else np.array(chosen)

    def params(self, options: Options) -> dict[str, Value]:
        """The full candidate of these options."""
        params = dict(self._idle)
        for site, option in zip(self.sites, options, strict=True):
            params.update(site.options[option])
        return params

    def random(self, rng: np.random.Generator) -> Options:
        """Methods in random proportions, the same for all layers, so that all costs are met; terms uniformly."""
        methods = list(dict.fromkeys(str(o[s.name]) for s in self.sites if s.is_layer for o in s.options))
        shares = dict(zip(methods, rng.dirichlet(np.ones(max(len(methods), 1))), strict=False))
        picked = []
        for site in self.sites:
            chances = [shares[str(option[site.name])] for option in site.options] if site.is_layer else site.offered
            picked.append(rng.choice(len(site.options), p=np.array(chances, dtype=np.float64) / sum(chances)))
        return np.array(picked)
