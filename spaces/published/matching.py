"""Fills a detector, or its backbone, from whichever of a file's state dicts and prefixes fit it best."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from spaces.published.fits import Fit, Part, best_fits
from spaces.published.prefixes import is_ema
from spaces.published.problems import Problem, problem_of
from spaces.published.weights import LoadReport, is_counter, load_pretrained
from spaces.published.wrappers import PublishedState


@dataclass(frozen=True)
class FillReport:
    """What was taken from a file, and how.

    whole: whether the file is a whole detector's, and not a backbone's only. taken: the state dict. prefix: what was
    removed from its names. tensors: how many tensors the file has in this state dict, without BatchNorm's counters.
    loaded: what became of them, by their names in the file. rejected: why weights that are tried before these, such as
    a moving average, can't be used, a clause each.
    """

    whole: bool
    taken: PublishedState
    prefix: str
    tensors: int
    loaded: LoadReport
    rejected: tuple[str, ...] = ()

    @property
    def is_ema(self) -> bool:
        """Whether the moving average of the weights was taken."""
        return self.taken.is_ema or is_ema(self.prefix)


def fill(detector: nn.Module, states: Sequence[PublishedState], real: nn.Module) -> FillReport:
    """Copy the first of the state dicts that fits into a detector, all of it or its backbone.

    real: a detector of the same shape whose layers are all real, which decides what fits: a 1-bit one has fewer tensors
    that a file may have too. It may lie on the meta device. The prefix is removed with which most tensors fit.

    A state dict that can't be used is passed over, and the report says why. Raises ValueError where none is left, with
    the reason of the first of those with most tensors that fit; then nothing is copied.
    """
    parts = [Part(real.get_submodule("backbone"), whole=False)]
    if hasattr(real, "from_published"):
        parts.append(Part(real, whole=True))
    rejected: list[tuple[Fit, Problem]] = []
    for fit in (fit for state in states for fit in best_fits(parts, state)):
        if (problem := problem_of(fit)) is None:
            clauses = (f"the {one.title} can't be used: {why.reason}" for one, why in rejected)
            return _load(detector, fit, tuple(clauses))
        rejected.append((fit, problem))
    fit, problem = max(rejected, key=lambda one: one[0].rank[:2])
    place = f"The {fit.title} can't be used: " if fit.state.keys else ""
    raise ValueError(f"{place}{problem.reason}. {problem.advice}".rstrip())


def _load(detector: nn.Module, fit: Fit, rejected: tuple[str, ...]) -> FillReport:
    whole = fit.part.whole
    tensors = {name: fit.state.tensors[original] for name, original in fit.names.items()}
    loaded = load_pretrained(detector if whole else detector.get_submodule("backbone"), tensors)
    return FillReport(
        whole=whole,
        taken=fit.state,
        prefix=fit.prefix,
        tensors=sum(not is_counter(name) for name in fit.state.tensors),
        loaded=replace(loaded, unused=tuple(fit.names[name] for name in loaded.unused)),
        rejected=rejected,
    )
