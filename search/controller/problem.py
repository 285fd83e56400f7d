"""What a sampler may know of a search before its first trial, and what makes samplers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optuna.samplers import BaseSampler

from spaces.candidate import Candidate
from spaces.space import SearchSpace

FromSeed = Callable[[int], BaseSampler]
"""Makes a sampler from a seed. All samplers made for one study share what they know about it."""


@dataclass(frozen=True)
class SearchProblem:
    """One search, the same at every start of its run.

    costs: every cost of a canonical candidate, by name, known before it is scored (`CostTable.costs` is one).
    objectives: the names of what is optimised, in the order of a trial's values.
    constraints: upper bounds of costs, by name.
    trials: of the whole run, complete and failed, over all its starts.
    workers: how many candidates are scored at once.
    """

    space: SearchSpace
    costs: Callable[[Candidate], Mapping[str, float]]
    objectives: tuple[str, ...]
    constraints: Mapping[str, float]
    trials: int
    workers: int
