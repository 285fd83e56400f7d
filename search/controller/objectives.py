"""What a search may optimise and what it may bound, from the table of figures, and a candidate's figures by name."""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

from results.figures import COSTS, FIGURES, USUAL_X, USUAL_Y, Direction

OBJECTIVES: dict[str, Direction] = {name: figure.direction for name, figure in FIGURES.items() if figure.searched}
BUDGETS = tuple(name for name, figure in COSTS.items() if figure.searched)
"""The costs that may have an upper bound."""


class Scored(Protocol):
    """What a scorer returns: accuracies, and the seconds that its parts took."""

    @property
    def metrics(self) -> Mapping[str, float]: ...
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
    return (costs or [USUAL_X])[0], (accuracies or [USUAL_Y])[0]


def figure(name: str, figures: Mapping[str, float]) -> float:
    """The figure called `name`. Raises ValueError when a candidate has none."""
    if name not in figures:
        raise ValueError(f"The score has no {name!r}; it has {', '.join(sorted(figures))}.")
    return float(figures[name])


def not_finite(figures: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """The figures among `names` that are no finite number, as text such as 'map50 is nan'."""
    values = {name: figure(name, figures) for name in names}
    return [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
