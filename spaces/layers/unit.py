"""The searchable unit: one latent weight, one shortcut, and a whole alternative for every method."""

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from spaces.layers.alternative import Activation, Alternative, LayerTrace, Norm, UnitShape
from spaces.layers.methods import method
from spaces.layers.shortcuts import ShortcutKind, build_shortcut

MethodsFor = Callable[[str], Sequence[str]]
"""From a unit's name to the methods it is built with: all those of a supernet, the one of an extracted network."""


class SearchableUnit(nn.Module):
    """A convolution with its surroundings, y = after(alternative(x) + bias + shortcut(x)), in a choice of precisions.

    Every alternative owns pre-activation, BatchNorm, post-activation and small parameters; the latent weight (Co, Ci,
    k, k) and the shortcut are shared. A unit whose alternatives all own their weight has no shared one. x (N, Ci, H, W)
    to (N, Co, ceil(H / stride), ceil(W / stride)).

    activation: of the alternatives that aren't 1-bit, in front of their convolution. shortcut: what lies around the
    convolution, see `shortcuts.build_shortcut`; the default is Bi-Real Net's (arXiv:1808.00278, section 3.1), one
    around every convolution, whatever its precision. pad, dilation, bare, norm, build_norm: see `UnitShape`. bias: one
    a channel, zero at first, shared by the alternatives.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int,
        methods: Sequence[str],
        activation: Activation = "relu",
        shortcut: ShortcutKind = "projected",
        *,
        pad: int | None = None,
        dilation: int = 1,
        bare: bool = False,
        norm: Norm = "always",
        bias: bool = False,
        build_norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if not methods:
            raise ValueError("A unit needs one layer method or more.")
        self.shape = UnitShape(
            in_channels, out_channels, kernel, stride, activation, pad, bare, norm, dilation, build_norm
        )
        start = torch.empty(self.shape.weight)
        nn.init.normal_(start, std=math.sqrt(2 / (out_channels * kernel * kernel)))
        self.alternatives = nn.ModuleDict({name: method(name).build(self.shape) for name in methods})
        shared = not all(one.owns_weight for one in self._all())
        self.weight = nn.Parameter(start) if shared else None
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.shortcut = build_shortcut(shortcut, in_channels, out_channels, stride)
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

    def forward(self, x: Tensor) -> Tensor:
        alternative = cast(Alternative, self.alternatives[self.active])
        if self.tracing and (trace := alternative.trace(x, self.weight)) is not None:
            self.runs.append(trace)
        y = alternative(x, self.weight)
        if self.bias is not None:
            y = y + self.bias.view(-1, 1, 1)
        if self.shortcut is not None and (self.is_binary or not self._only_if_binary):
            y = y + self.shortcut(x)
        return alternative.after(y)

    def extra_repr(self) -> str:
        return f"{self.shape.weight}, stride={self.shape.stride}, active={self.active}"

    def _all(self) -> list[Alternative]:
        return [cast(Alternative, one) for one in self.alternatives.values()]
