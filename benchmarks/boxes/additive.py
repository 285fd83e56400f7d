"""A box that is additive but for neighbours: 20 layers of three methods, two terms with four teachers each.

Every layer loses accuracy of its own with int8 and with sign. Two neighbours that are both 1-bit lose more together. A
teacher's gain is a parabola over the logarithm of its weight.
"""

import math
import random
from collections.abc import Mapping

from spaces.candidate import Candidate
from spaces.space import Knob, weight_grid

LAYERS = 20
METHODS = {"real": 1.0, "int8": 1 / 4, "sign": 1 / 32}
"""Each with its share of the real layer's cost."""
BEST = 0.8
TEACHERS = {"none": 0.0, "twin": 0.01, "big": 0.03, "odd": -0.03}
TERMS = {"hint": 0.6, "response": 1.0}
"""Each with its strength."""
BEST_WEIGHT = 0.0
"""Its logarithm, to the base 10."""

_rng = random.Random(16)
SIZES = [_rng.uniform(0.5, 1.5) for _ in range(LAYERS)]
LOSSES = [{"real": 0.0, "int8": _rng.uniform(0.0, 0.012), "sign": _rng.uniform(0.005, 0.045)} for _ in range(LAYERS)]
NEIGHBOURS = [_rng.uniform(0.0, 0.02) for _ in range(LAYERS - 1)]


def knobs() -> list[Knob]:
    layers = [Knob(f"layer/block{i}", tuple(METHODS)) for i in range(LAYERS)]
    teachers = [Knob(f"teacher/{term}", tuple(TEACHERS)) for term in TERMS]
    return [*layers, *teachers, *(Knob(f"weight/{term}", weight_grid(0.1, 10.0)) for term in TERMS)]


def reference() -> dict[str, float]:
    """The cost of the all-real network, and no accuracy at all."""
    return {"bit_ops": sum(SIZES), "map50": 0.0}


def costs(candidate: Candidate) -> dict[str, float]:
    shares = [METHODS[method] for method in _methods(candidate)]
    return {"bit_ops": sum(size * share for size, share in zip(SIZES, shares, strict=True))}


def score(candidate: Candidate) -> dict[str, float]:
    methods = _methods(candidate)
    lost = sum(losses[method] for losses, method in zip(LOSSES, methods, strict=True))
    both = zip(NEIGHBOURS, methods, methods[1:], strict=False)
    lost += sum(loss for loss, one, other in both if one == other == "sign")
    return {"map50": BEST - lost + sum(map(_gain, [candidate] * len(TERMS), TERMS))}


def _methods(candidate: Mapping[str, object]) -> list[str]:
    return [str(candidate[f"layer/block{i}"]) for i in range(LAYERS)]


def _gain(candidate: Candidate, term: str) -> float:
    taught = candidate.terms().get(term)
    if taught is None:
        return 0.0
    return TERMS[term] * TEACHERS[taught.teacher] * (1 - 0.5 * (math.log10(taught.weight) - BEST_WEIGHT) ** 2)
