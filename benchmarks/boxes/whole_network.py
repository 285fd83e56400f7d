"""A box like an SSDLite on an EfficientNet-Lite0 whose every layer is searched: 17 blocks in 8 stages, and 11 groups.

Losses multiply. The first block of a stage has no shortcut, so that it leaves little as a 1-bit one; the others do
with less. With many 1-bit layers nothing is left. Blocks have five methods, the other layers' groups three.
"""

import math
import random
from collections.abc import Mapping

from spaces.candidate import Candidate
from spaces.space import Knob

METHODS = {"real": 1.0, "int8": 1 / 16, "int4": 1 / 64, "sign": 1 / 1024, "react": 1 / 1000}
"""Each with its share of the real layer's cost."""
GROUPS = tuple(f"group{i}" for i in range(11))
STAGES = (1, 2, 2, 3, 3, 4, 1, 1)
BLOCKS = tuple(f"stage{stage}.{i}" for stage, count in enumerate(STAGES) for i in range(count))
BEST, DEAD = 0.41, 0.003

_rng = random.Random(3)
SIZES = {name: _rng.uniform(0.5, 1.5) for name in BLOCKS} | {name: _rng.uniform(0.05, 0.8) for name in GROUPS}


def _block(name: str) -> dict[str, float]:
    least, most = (0.4, 1.2) if name.endswith(".0") else (0.03, 0.4)
    lost = {"real": 0.0, "int8": _rng.uniform(0.0, 0.003), "int4": _rng.uniform(0.01, 0.04)}
    return lost | {method: _rng.uniform(least, most) for method in ("sign", "react")}


def _group() -> dict[str, float]:
    return {"real": 0.0, "int8": _rng.uniform(0.0, 0.003), "int4": _rng.uniform(0.01, 0.05)}


LOST = {name: _block(name) for name in BLOCKS} | {name: _group() for name in GROUPS}
"""What a layer takes from the logarithm of the accuracy."""


def knobs() -> list[Knob]:
    return [Knob(f"layer/{name}", tuple(LOST[name])) for name in LOST]


def reference() -> dict[str, float]:
    return {"bit_ops": sum(SIZES.values()), "map50": 0.0}


def costs(candidate: Candidate) -> dict[str, float]:
    return {"bit_ops": sum(SIZES[name] * METHODS[method] for name, method in _methods(candidate).items())}


def score(candidate: Candidate) -> dict[str, float]:
    lost = sum(LOST[name][method] for name, method in _methods(candidate).items())
    return {"map50": BEST * math.exp(-lost) + DEAD}


def _methods(candidate: Mapping[str, object]) -> dict[str, str]:
    return {name: str(candidate[f"layer/{name}"]) for name in LOST}
