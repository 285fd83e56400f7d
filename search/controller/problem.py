"""What a sampler may know of a search before its first trial, and what makes samplers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

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
    constraints: Mapping[str, float] = field(default_factory=dict, kw_only=True)
    trials: int = field(kw_only=True)
    workers: int = field(default=1, kw_only=True)


@dataclass(frozen=True)
class SamplerChoice:
    """A sampler by its name in the table or by import path, and the arguments that it is made with."""

    name: str
    arguments: Mapping[str, object] = field(default_factory=dict)


class SamplerError(ValueError):
    """A sampler that can't be made, or can't search this problem."""


def needs(package: str, what: str) -> None:
    """Raise SamplerError where a package is missing that only some samplers need."""
    if find_spec(package) is None:
        raise SamplerError(
            f"{what} needs the package {package}, which is not installed. Run pip install {package}, or choose another "
            "sampler."
        )
