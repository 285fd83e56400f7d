"""A box whose losses multiply, as in a deep network on real images: 18 layers of four methods.

A layer leaves a share of the accuracy that depends on its method. A network with a third of its layers 1-bit has lost
most of it, and an all-1-bit one everything.
"""

import math
import random
from collections.abc import Mapping

from spaces.candidate import Candidate
from spaces.space import Knob

LAYERS = 18
METHODS = {"real": 1.0, "int8": 1 / 16, "int4": 1 / 64, "sign": 1 / 256}
"""Each with its share of the real layer's cost."""
BEST = 0.45

_rng = random.Random(17)
SIZES = [_rng.uniform(0.5, 1.5) for _ in range(LAYERS)]
LEFT = [
    {"real": 1.0, "int8": 1.0, "int4": _rng.uniform(0.93, 1.0), "sign": _rng.uniform(0.4, 0.95)} for _ in range(LAYERS)
]
"""The share of the accuracy that each layer leaves."""


def knobs() -> list[Knob]:
    return [Knob(f"layer/block{i}", tuple(METHODS)) for i in range(LAYERS)]


def reference() -> dict[str, float]:
    """A tenth of the cost of the all-real network, and no accuracy at all."""
    return {"bit_ops": 0.1 * sum(SIZES), "map50": 0.0}


def costs(candidate: Candidate) -> dict[str, float]:
    shares = [METHODS[method] for method in _methods(candidate)]
    return {"bit_ops": sum(size * share for size, share in zip(SIZES, shares, strict=True))}


def score(candidate: Candidate) -> dict[str, float]:
    return {"map50": BEST * math.prod(left[one] for left, one in zip(LEFT, _methods(candidate), strict=True))}


def _methods(candidate: Mapping[str, object]) -> list[str]:
    return [str(candidate[f"layer/block{i}"]) for i in range(LAYERS)]
