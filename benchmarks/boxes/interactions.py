"""A box where layers act together: 20 layers of three methods, in groups of three and four.

A group has a loss for each pattern of layers that are 1-bit or not, drawn at random. Only the pattern without a 1-bit
layer has none.
"""

import itertools
import random

from spaces.candidate import Candidate
from spaces.space import Knob

LAYERS, GROUPS = 20, 12
METHODS = {"real": 1.0, "int8": 1 / 4, "sign": 1 / 32}
BEST = 0.8

_rng = random.Random(17)
SIZES = [_rng.uniform(0.5, 1.5) for _ in range(LAYERS)]
LOSSES = [{"real": 0.0, "int8": _rng.uniform(0.0, 0.006), "sign": _rng.uniform(0.0, 0.008)} for _ in range(LAYERS)]
MEMBERS = [_rng.sample(range(LAYERS), 3 + group % 2) for group in range(GROUPS)]
PATTERNS = [
    {
        bits: _rng.uniform(0.0, 0.07) if any(bits) else 0.0
        for bits in itertools.product((False, True), repeat=len(group))
    }
    for group in MEMBERS
]


def knobs() -> list[Knob]:
    return [Knob(f"layer/block{i}", tuple(METHODS)) for i in range(LAYERS)]


def reference() -> dict[str, float]:
    """The cost of the all-real network, and no accuracy at all."""
    return {"bit_ops": sum(SIZES), "map50": 0.0}


def costs(candidate: Candidate) -> dict[str, float]:
    return {"bit_ops": sum(SIZES[i] * METHODS[method] for i, method in enumerate(_methods(candidate)))}


def score(candidate: Candidate) -> dict[str, float]:
    methods = _methods(candidate)
    lost = sum(losses[method] for losses, method in zip(LOSSES, methods, strict=True))
    for members, patterns in zip(MEMBERS, PATTERNS, strict=True):
        lost += patterns[tuple(methods[layer] == "sign" for layer in members)]
    return {"map50": BEST - lost}


def _methods(candidate: Candidate) -> list[str]:
    return [str(candidate[f"layer/block{i}"]) for i in range(LAYERS)]
