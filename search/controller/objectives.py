"""What a search may optimise and what it may be limited by, in one visible table, and how a score gives the figures."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from spaces.cost import BITS_PER_MEGABYTE

Direction = Literal["maximize", "minimize"]

OBJECTIVES: dict[str, Direction] = {
    "map50": "maximize",
    "map50_11": "maximize",
    "ap": "maximize",
    "ap50": "maximize",
    "ap75": "maximize",
    "ar500": "maximize",
    "bit_ops": "minimize",
    "ops": "minimize",
    "memory_mb": "minimize",
}
BUDGETS = ("bit_ops", "ops", "memory_mb")
"""The costs that may have an upper bound."""


class Scored(Protocol):
    """What a scorer returns: accuracies, costs, and the seconds that its parts took."""

    @property
    def metrics(self) -> Mapping[str, float]: ...
    @property
    def costs(self) -> Mapping[str, float]: ...
    @property
    def seconds(self) -> Mapping[str, float]: ...


def directions(objectives: Sequence[str]) -> list[Direction]:
    """The direction of each objective. Raises ValueError for a name that is not in the table."""
    unknown = [name for name in objectives if name not in OBJECTIVES]
    if unknown or not objectives:
        raise ValueError(f"The objectives are {list(objectives)}; allowed are one or more of {', '.join(OBJECTIVES)}.")
    return [OBJECTIVES[name] for name in objectives]


def axes(objectives: Sequence[str]) -> tuple[str, str]:
    """The cost and the accuracy that a front is drawn over: the first objective of each direction, else the usual."""
    costs = [name for name in objectives if OBJECTIVES[name] == "minimize"]
    accuracies = [name for name in objectives if OBJECTIVES[name] == "maximize"]
    return (costs or ["bit_ops"])[0], (accuracies or ["map50"])[0]


def figure(name: str, score: Scored) -> float:
    """The figure of a score that is called `name`; a megabyte is 8e6 bits. Raises ValueError when there is none."""
    figures = {**score.metrics, **score.costs}
    if name == "memory_mb" and "memory_bits" in figures:
        return float(figures["memory_bits"]) / BITS_PER_MEGABYTE
    if name not in figures:
        raise ValueError(f"The score has no {name!r}; it has {', '.join(sorted(figures))}.")
    return float(figures[name])


def not_finite(score: Scored, names: Sequence[str]) -> list[str]:
    """The figures among `names` that are no finite number, as text such as 'map50 is nan'."""
    figures = {name: figure(name, score) for name in names}
    return [f"{name} is {value}" for name, value in figures.items() if not math.isfinite(value)]
