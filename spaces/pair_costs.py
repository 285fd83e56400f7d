"""What two neighbouring layers add to a cost beside what each adds by itself, such as the time between them."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from spaces.layers import REAL

Pairs = Mapping[tuple[str, str], Mapping[tuple[str, str], int]]
"""By two layers and the methods of both, in whole numbers."""

Own = Mapping[str, Mapping[str, int]]
"""What each choice adds by itself, by knob and method."""

Factor = tuple[tuple[str, ...], NDArray[np.int64]]
"""Knobs, and a number for each combination of their methods, an axis a knob."""


class PairCosts:
    """The pairs of a space's layers, by the knobs that decide on them.

    pairs: by layers. knob_of: of each layer, empty where none decides: it is real. offered: the methods by knob. Raises
    ValueError where a pair lacks two methods that its layers may have.
    """

    def __init__(self, name: str, pairs: Pairs, knob_of: Mapping[str, str], offered: Mapping[str, Iterable[str]]):
        self._name, self._pairs, self._offered = name, pairs, {knob: tuple(own) for knob, own in offered.items()}
        self._by_knobs: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        for layers in pairs:
            knobs = tuple(knob_of.get(layer, "") for layer in layers)
            sums = self._by_knobs.setdefault((knobs[0], knobs[1]), {})
            for methods in self._combinations(*knobs):
                sums[methods] = sums.get(methods, 0) + self._of(layers, methods)

    def by_knob(self, methods: Mapping[str, str]) -> int:
        """The sum over all pairs, of methods by knob. Raises KeyError for a knob or a method that isn't offered."""
        return sum(
            sums[methods[first] if first else REAL, methods[second] if second else REAL]
            for (first, second), sums in self._by_knobs.items()
        )

    def by_layer(self, methods: Mapping[str, str]) -> int:
        """The same of methods by layer; layers without one are real. Raises ValueError for one that isn't known."""
        return sum(
            self._of((first, second), (methods.get(first, REAL), methods.get(second, REAL)))
            for first, second in self._pairs
        )

    def least(self, own: Own) -> int:
        """The least sum of a candidate's own shares and its pairs: knobs are decided one after the other, exactly."""
        factors: list[Factor] = [((knob,), np.array(list(shares.values()))) for knob, shares in own.items()]
        factors += [self._factor(*knobs) for knobs in self._by_knobs]
        for _ in own:
            beside = {knob: set[str]().union(*(knobs for knobs, _ in factors if knob in knobs)) for knob in own}
            knob = min((one for one in own if beside[one]), key=lambda one: len(beside[one]))
            touched = [factor for factor in factors if knob in factor[0]]
            factors = [factor for factor in factors if knob not in factor[0]] + [_without(knob, touched)]
        return sum(int(values) for _, values in factors)

    def _combinations(self, first: str, second: str) -> list[tuple[str, str]]:
        if first and first == second:
            return [(method, method) for method in self._offered[first]]
        one, other = (self._offered[knob] if knob else (REAL,) for knob in (first, second))
        return [(a, b) for a in one for b in other]

    def _factor(self, first: str, second: str) -> Factor:
        knobs = tuple(dict.fromkeys(knob for knob in (first, second) if knob))
        values = [self._by_knobs[first, second][methods] for methods in self._combinations(first, second)]
        return knobs, np.array(values, np.int64).reshape([len(self._offered[knob]) for knob in knobs])

    def _of(self, layers: tuple[str, str], methods: tuple[str, str]) -> int:
        known = self._pairs[layers]
        if methods not in known:
            between, as_ = (" and ".join(two) for two in (layers, methods))
            raise ValueError(f"{self._name} between {between} as {as_} isn't known.")
        return known[methods]


def _without(knob: str, factors: Iterable[Factor]) -> Factor:
    """One factor in place of those that name a knob: their sum at the knob's best method."""
    summed = list(factors)
    knobs = (knob, *(dict.fromkeys(one for own, _ in summed for one in own if one != knob)))
    total = np.zeros((), np.int64)
    for own, values in summed:
        order = sorted(range(len(own)), key=lambda axis: knobs.index(own[axis]))
        shape = [1] * len(knobs)
        for axis in order:
            shape[knobs.index(own[axis])] = values.shape[axis]
        total = total + values.transpose(order).reshape(shape)
    return knobs[1:], total.min(axis=0)
