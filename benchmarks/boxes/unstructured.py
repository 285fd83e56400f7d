"""A box without structure: a candidate's accuracy is drawn at random, whatever its choices; costs are a sum as ever."""

import random

from spaces.candidate import Candidate
from spaces.space import Knob

LAYERS = 20
METHODS = {"real": 1.0, "int8": 1 / 4, "sign": 1 / 32}


def knobs() -> list[Knob]:
    return [Knob(f"layer/block{i}", tuple(METHODS)) for i in range(LAYERS)]


def reference() -> dict[str, float]:
    """The cost of the all-real network, and no accuracy at all."""
    return {"bit_ops": float(LAYERS), "map50": 0.0}


def costs(candidate: Candidate) -> dict[str, float]:
    return {"bit_ops": sum(METHODS[method] for method in candidate.layers().values())}


def score(candidate: Candidate) -> dict[str, float]:
    return {"map50": random.Random(candidate.id).uniform(0.2, 0.8)}
