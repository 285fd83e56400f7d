"""The searchable unit: its latent weight, one shortcut, and a whole alternative for every method."""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from spaces.layers.alternative import Alternative, LayerTrace, UnitShape
from spaces.layers.methods import method
from spaces.layers.shortcuts import ShortcutKind, build_shortcut

MethodsFor = Callable[[str], Sequence[str]]
"""From a unit's name to the methods it is built with: all those of a supernet, the one of an extracted network."""


class SearchableUnit(nn.Module):
    """A convolution with its surroundings, y = after(alternative(x) + bias + shortcut(x)), in a choice of precisions.

    Every alternative owns pre-activation, BatchNorm, post-activation and small parameters; the latent weight (Co, Ci,
    k, k) and the shortcut are shared; see `split_weight` for a weight apart for 1-bit alternatives. A unit whose
    alternatives all own their weight has no shared one. x (N, Ci, H, W) to (N, Co, ceil(H / stride), ceil(W / stride)).

    shape: what the alternatives know of their place. shortcut: what lies around the convolution, see
    `shortcuts.build_shortcut`; the default is Bi-Real Net's (arXiv:1808.00278, section 3.1), one around every
    convolution, whatever its precision. bias: one a channel, zero at first, shared by the alternatives.
    """

    def __init__(
        self, shape: UnitShape, methods: Sequence[str], shortcut: ShortcutKind = "projected", *, bias: bool = False
    ) -> None:
        super().__init__()
        if not methods:
            raise ValueError("A unit needs one layer method or more.")
        self.shape = shape
        start = torch.empty(shape.weight)
        nn.init.normal_(start, std=shape.start_deviation)
        self.alternatives = nn.ModuleDict({name: method(name).build(shape) for name in methods})
        shared = not all(one.owns_weight for one in self._all())
        self.weight = nn.Parameter(start) if shared else None
        self.bias = nn.Parameter(torch.zeros(shape.out_channels)) if bias else None
        self.one_bit_weight: nn.Parameter | None
        self.register_parameter("one_bit_weight", None)
        self.shortcut = build_shortcut(shortcut, shape.in_channels, shape.out_channels, shape.stride)
        self._only_if_binary = shortcut == "free_if_binary"
        self._binary = frozenset(name for name in methods if method(name).is_binary)
        self.active = methods[0]
        self.tracing = False
        self.runs: list[LayerTrace] = []
        if not start.is_meta:
            self.start_from(start)

    def start_from(self, weight: Tensor) -> None:
        """Set what the alternatives derive from a real weight (Co, Ci, k, k): learned scales, searched signs."""
        for one in self._all():
            one.start_from(weight)

    def split_weight(self) -> None:
        """Give the 1-bit alternatives a latent weight of their own, `one_bit_weight`, with the values of `weight`.

        Those of several bits keep `weight`. Nothing changes where alternatives of only one kind share it.
        """
        kinds = {name in self._binary for name, one in self._named() if not one.owns_weight}
        if len(kinds) == 2 and self.weight is not None:
            self.one_bit_weight = nn.Parameter(self.weight.detach().clone())

    @property
    def latent_weight(self) -> nn.Parameter | None:
        """What the active alternative computes with; None where all own their weight."""
        return self.weight if self.one_bit_weight is None or not self.is_binary else self.one_bit_weight

    @property
    def shares_one_bit_weight(self) -> bool:
        """Whether the alternatives that share `weight` are all 1-bit, as those of `one_bit_weight` are."""
        sharing = [name for name, one in self._named() if not one.owns_weight]
        return bool(sharing) and self._binary.issuperset(sharing)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """By role of training: a weight with which 1-bit alternatives alone compute, of which only the sign counts."""
        latent = self.weight if self.shares_one_bit_weight else self.one_bit_weight
        return {} if latent is None else {"latent": [latent]}

    @torch.no_grad()
    def one_bit_signs(self) -> Tensor:
        """The signs, (Co, Ci, k, k), that are convolved of the latent weight of `parameter_groups`, where there is one.

        Methods may take them of something else than the weight itself: the active one decides, or the first where the
        active one doesn't read this weight.
        """
        readers = {name: one for name, one in self._named() if name in self._binary and not one.owns_weight}
        reader = readers[self.active] if self.active in readers else next(iter(readers.values()))
        latent = cast(Tensor, self.weight if self.one_bit_weight is None else self.one_bit_weight)
        return reader.levels(latent.detach().reshape(self.shape.weight))[0]

    @torch.no_grad()
    def refit_scales(self) -> None:
        """Learned scales of 1-bit alternatives as they start from the latent weight, which trained without them."""
        latent = self.weight if self.one_bit_weight is None else self.one_bit_weight
        for name, one in self._named():
            if name in self._binary and latent is not None and not one.owns_weight:
                one.refit_scale(latent.reshape(self.shape.weight))

    def activate(self, method: str) -> None:
        """Make `method` the one that computes. Raises ValueError when the unit wasn't built with it."""
        self.check(method)
        self.active = method

    def check(self, method: str) -> None:
        """Raise ValueError when the unit wasn't built with `method`."""
        if method not in self.alternatives:
            raise ValueError(f"This unit offers {', '.join(self.alternatives)}; {method!r} was asked for.")

    @property
    def is_binary(self) -> bool:
        """Whether the active method is 1-bit in weights and inputs."""
        return self.active in self._binary

    @property
    def active_shortcut(self) -> nn.Module | None:
        """The shortcut as the active method has it; None where there is none."""
        return self.shortcut if self.is_binary or not self._only_if_binary else None

    @property
    def may_leave_trace(self) -> bool:
        """Whether it has a 1-bit method, whose traces layer losses read."""
        return bool(self._binary)

    def forward(self, x: Tensor) -> Tensor:
        alternative = cast(Alternative, self.alternatives[self.active])
        weight = self.latent_weight
        if self.tracing and (trace := alternative.trace(x, weight)) is not None:
            self.runs.append(trace)
        y = alternative(x, weight)
        if self.bias is not None:
            y = y + self.bias.to(y.dtype).view(-1, 1, 1)
        if (shortcut := self.active_shortcut) is not None:
            y = y + shortcut(x)
        return alternative.after(y)

    def extra_repr(self) -> str:
        return f"{self.shape.weight}, stride={self.shape.stride}, active={self.active}"

    def _all(self) -> list[Alternative]:
        return [one for _, one in self._named()]

    def _named(self) -> list[tuple[str, Alternative]]:
        return [(name, cast(Alternative, one)) for name, one in self.alternatives.items()]
