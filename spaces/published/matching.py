"""Fills a detector, or its backbone, from whichever of a file's state dicts and prefixes fit it best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

from torch import Tensor, nn

from spaces.published.prefixes import is_ema, prefixes_of, without_prefix
from spaces.published.weights import LoadReport, Publishable, is_counter, load_pretrained, real_tensors
from spaces.published.words import REMOVED, first_names
from spaces.published.wrappers import PublishedState

FEWEST_TENTHS = 9
"""Tenths of the backbone's tensors that a checkpoint must have, and of a checkpoint's tensors in the backbone's modules
that the backbone must have. With less it is another network's: a training would start from new weights where the user
thinks of trained ones, or from a part of a deeper network, as ResNet-18 from ResNet-34."""


@dataclass(frozen=True)
class FillReport:
    """What was taken from a file, and how.

    whole: whether the file is a whole detector's, and not a backbone's only. taken: the state dict. prefix: what was
    removed from its names. tensors: how many tensors the file has in this state dict, without BatchNorm's counters.
    loaded: what became of them, by their names in the file. passed: a moving average that fits less.
    """

    whole: bool
    taken: PublishedState
    prefix: str
    tensors: int
    loaded: LoadReport
    passed: PublishedState | None = None

    @property
    def is_ema(self) -> bool:
        """Whether the moving average of the weights was taken."""
        return self.taken.is_ema or is_ema(self.prefix)


@dataclass(frozen=True)
class Part:
    """What a state dict may fill: a detector, or its backbone."""

    network: nn.Module
    whole: bool

    @cached_property
    def wanted(self) -> dict[str, Tensor]:
        """The tensors that a checkpoint may fill."""
        return real_tensors(self.network)

    @cached_property
    def of_backbone(self) -> list[str]:
        """The names of those that it must fill."""
        return [name for name in self.wanted if not self.whole or name.startswith("backbone.")]


@dataclass(frozen=True)
class Fit:
    """A state dict with a prefix removed, beside a part of a detector.

    names: the names without the prefix, to those in the file. named: the tensors under the network's names.
    """

    part: Part
    state: PublishedState
    prefix: str
    names: dict[str, str]
    named: Mapping[str, Tensor]

    @property
    def is_enough(self) -> bool:
        """Whether it has enough of the backbone's tensors, and not too many more in the same modules."""
        of_backbone = self.part.of_backbone
        present = sum(name in self.named for name in of_backbone)
        enough, in_place = 10 * present >= FEWEST_TENTHS * len(of_backbone), present + len(self.surplus)
        return enough and 10 * present >= FEWEST_TENTHS * in_place

    @cached_property
    def surplus(self) -> list[str]:
        """The tensors of the file in modules of the backbone, such as `layer3`, that the backbone lacks."""
        modules = {_module(name, self.part.whole) for name in self.part.of_backbone}
        others = (name for name in self.named if name not in self.part.wanted and not is_counter(name))
        return [name for name in others if _module(name, self.part.whole) in modules]

    @property
    def matched(self) -> list[str]:
        """The tensors of the part that are in the file, of whatever shape."""
        return [name for name in self.part.wanted if name in self.named]

    @property
    def rank(self) -> tuple[int, int, bool, bool, int]:
        """Higher where more tensors fit; then moving averages, whole detectors, and short prefixes come first."""
        matched = self.matched
        same_shape = sum(self.part.wanted[name].shape == self.named[name].shape for name in matched)
        return same_shape, len(matched), is_ema(self.prefix), self.part.whole, -self.prefix.count(".")


def _module(name: str, whole: bool) -> str:
    """The first word of a tensor's name, of a whole detector the first words up to a module of its backbone."""
    return ".".join(name.split(".")[: 3 if whole else 1])


def fill(detector: nn.Module, states: Sequence[PublishedState], real: nn.Module) -> FillReport:
    """Copy the first of the state dicts that fits into a detector, all of it or its backbone.

    real: a detector of the same shape whose layers are all real, which decides what fits: a 1-bit one has fewer tensors
    that a file may have too. It may lie on the meta device. The prefix is removed with which most tensors fit.

    Raises ValueError where less than nine tenths of the backbone's tensors are in each state dict, or those of a deeper
    network, and what `load_pretrained` raises; then nothing is copied.
    """
    parts = [Part(real.get_submodule("backbone"), whole=False)]
    if hasattr(real, "from_published"):
        parts.append(Part(real, whole=True))
    fits = [max(_fits(parts, state), key=lambda fit: fit.rank) for state in states]
    fit = next((one for one in fits if one.is_enough), None)
    if fit is None:
        raise ValueError(_refusal(max(fits, key=lambda one: one.rank[:2])))
    whole = fit.part.whole
    tensors = {name: fit.state.tensors[original] for name, original in fit.names.items()}
    loaded = load_pretrained(detector if whole else detector.get_submodule("backbone"), tensors)
    return FillReport(
        whole=whole,
        taken=fit.state,
        prefix=fit.prefix,
        tensors=sum(not is_counter(name) for name in fit.state.tensors),
        loaded=replace(loaded, unused=tuple(fit.names[name] for name in loaded.unused)),
        passed=states[0] if states[0].is_ema and not fit.state.is_ema else None,
    )


def _fits(parts: Sequence[Part], state: PublishedState) -> Iterator[Fit]:
    for prefix in prefixes_of(state.tensors):
        names = without_prefix(state.tensors, prefix)
        tensors = {name: state.tensors[original] for name, original in names.items()}
        for part in parts:
            yield Fit(part, state, prefix, names, cast(Publishable, part.network).from_published(tensors))


def _refusal(fit: Fit) -> str:
    """Why a state dict isn't taken, with the names that differ first, on either side."""
    wanted, named = fit.part.of_backbone, fit.named
    if all(name in named for name in wanted):
        return (
            f"The checkpoint is of a deeper network: besides the {len(wanted)} tensors of the backbone it has "
            f"{first_names(fit.surplus)} in the same modules. Give weights of this backbone, or take the deeper one."
        )
    lacking = [name for name in wanted if name not in named]
    nowhere = {id(tensor) for name, tensor in named.items() if name not in fit.part.wanted and not is_counter(name)}
    strange = [name for name, tensor in fit.state.tensors.items() if id(tensor) in nowhere]
    share = f"Only {len(wanted) - len(lacking)}" if len(lacking) < len(wanted) else "None"
    fits_nowhere = f"Of its own these fit nowhere: {first_names(strange)}. " if strange else ""
    return (
        f"{share} of the {len(wanted)} tensors of the backbone are in the checkpoint, and nine tenths are needed. "
        f"It lacks {first_names(lacking)}. {fits_nowhere}Give weights of this backbone. {REMOVED}"
    )
