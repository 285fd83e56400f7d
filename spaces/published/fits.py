"""How the state dicts of a file fit a detector or its backbone, with each prefix removed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from torch import Tensor, nn

from spaces.published.prefixes import is_ema, longest_prefix, prefixes_of, without_prefix
from spaces.published.weights import Publishable, is_counter, real_tensors
from spaces.published.wrappers import PublishedState


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

    names: the names without the prefix, to those in the file. named: the tensors under the network's names. error: why
    the network can't name them.
    """

    part: Part
    state: PublishedState
    prefix: str
    names: dict[str, str]
    named: Mapping[str, Tensor]
    error: str = ""

    @property
    def is_ema(self) -> bool:
        """Whether it is a moving average of the weights."""
        return self.state.is_ema or is_ema(self.prefix)

    @property
    def title(self) -> str:
        """What a report calls it, such as `EMA weights under ema`."""
        under = f" under {'.'.join(self.state.keys)}" if self.state.keys else ""
        return f"{'EMA weights' if self.is_ema else 'weights'}{under}"

    @property
    def defects(self) -> list[str]:
        """Why tensors of the state dict can't be used; of the weights, or of the moving average beside them."""
        return [why for name, why in self.state.defects.items() if is_ema(longest_prefix(name)) is is_ema(self.prefix)]

    @cached_property
    def surplus(self) -> list[str]:
        """The tensors of the file in modules of the backbone, such as `layer3`, that the backbone lacks.

        Not those that `without_prefix` renamed: they are other weights of the same network.
        """
        modules = {_module(name, self.part.whole) for name in self.part.of_backbone}
        others = (name for name in self.named if name not in self.part.wanted and not is_counter(name))
        own = (name for name in others if not name.endswith(f" without {self.prefix}"))
        return [name for name in own if _module(name, self.part.whole) in modules]

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


def best_fits(parts: Sequence[Part], state: PublishedState) -> list[Fit]:
    """The best fit of a moving average in a state dict, by its prefix, then the best of the weights beside it.

    One that has no tensor of the network is left out if the other has some.
    """
    fits = list(_fits(parts, state))
    groups = [[fit for fit in fits if is_ema(fit.prefix) is averaged] for averaged in (True, False)]
    best = [_best(group) for group in groups if group]
    return [fit for fit in best if fit.error or fit.defects or fit.matched] or best[-1:]


def _best(fits: Sequence[Fit]) -> Fit:
    """The fit with most tensors; one with an error instead, which no other prefix or part of the network mends."""
    return next((fit for fit in fits if fit.error), None) or max(fits, key=lambda fit: fit.rank)


def _fits(parts: Sequence[Part], state: PublishedState) -> Iterator[Fit]:
    for prefix in prefixes_of([*state.tensors, *state.defects]):
        names = without_prefix(state.tensors, prefix)
        tensors = {name: state.tensors[original] for name, original in names.items()}
        for part in parts:
            try:
                named, error = cast(Publishable, part.network).from_published(tensors), ""
            except ValueError as raised:
                named, error = {}, str(raised)
            yield Fit(part, state, prefix, names, named, error)


def _module(name: str, whole: bool) -> str:
    """The first word of a tensor's name, of a whole detector the first words up to a module of its backbone."""
    return ".".join(name.split(".")[: 3 if whole else 1])
