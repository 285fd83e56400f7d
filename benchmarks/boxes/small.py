"""A small box: six layers of three methods, 729 candidates, where neighbours that are both 1-bit lose more together."""

import random

from spaces.candidate import Candidate
from spaces.space import Knob

LAYERS = 6
METHODS = {"real": 1.0, "int8": 1 / 4, "sign": 1 / 32}
"""Each with its share of the real layer's cost."""
BEST = 0.8

_rng = random.Random(6)
SIZES = [_rng.uniform(0.5, 1.5) for _ in range(LAYERS)]
LOSSES = [{"real": 0.0, "int8": _rng.uniform(0.0, 0.04), "sign": _rng.uniform(0.02, 0.14)} for _ in range(LAYERS)]
NEIGHBOURS = [_rng.uniform(0.0, 0.06) for _ in range(LAYERS - 1)]


def knobs() -> list[Knob]:
    return [Knob(f"layer/block{i}", tuple(METHODS)) for i in range(LAYERS)]


def reference() -> dict[str, float]:
    """The cost of the all-real network, and no accuracy at all."""
    return {"bit_ops": sum(SIZES), "map50": 0.0}


def costs(candidate: Candidate) -> dict[str, float]:
    return {"bit_ops": sum(size * METHODS[method] for size, method in zip(SIZES, _methods(candidate), strict=True))}


def score(candidate: Candidate) -> dict[str, float]:
    methods = _methods(candidate)
    lost = sum(losses[method] for losses, method in zip(LOSSES, methods, strict=True))
    both = zip(NEIGHBOURS, methods, methods[1:], strict=False)
    return {"map50": BEST - lost - sum(loss for loss, one, other in both if one == other == "sign")}


def _methods(candidate: Candidate) -> list[str]:
    return [str(candidate[f"layer/block{i}"]) for i in range(LAYERS)]
