"""The alternatives that aren't 1-bit: full precision, and fewer bits by fake quantization."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.layers.alternative import Activation, Alternative, UnitShape
from spaces.layers.products import conv2d
from spaces.precision import in_float32
from spaces.whole_batch import largest

RANGE_MOMENTUM = 0.1
RELU6_TOP = 6.0
LEAST_LARGEST = 1e-8


class Real(Alternative):
    """ReLU -> convolution -> BatchNorm, all real-valued. x (N, Ci, H, W) to (N, Co, Ho, Wo).

    The ReLU is what `shape.activation` says: ReLU6 or nothing where a published network has these.
    """

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        x = activated(x, self.shape.activation)
        return self.bn(convolve(x, weight, self.shape))


class FakeQuantized(Alternative):
    """Inputs and weights of `bits` bits, from 2 up, computed in float: what all such alternatives have in common."""

    starts_from_real_norm = True

    def __init__(self, shape: UnitShape, bits: int) -> None:
        super().__init__(shape)
        if bits < 2:
            raise ValueError(f"bits is {bits}, must be at least 2: one bit is a sign, see `Binary`.")
        self.top = RELU6_TOP if shape.activation == "relu6" else math.inf
        self.observing = False
        """Whether the range of inputs is measured outside training too."""

    @contextmanager
    def observed(self) -> Iterator[None]:
        """Within this context the range of the inputs is measured anew, outside training too; without any it stays."""
        self.observing = True
        try:
            yield
        finally:
            self.observing = False


class Quantized(FakeQuantized):
    """As `Real`, with inputs and weights rounded to `bits` bits (fake quantization, arXiv:1712.05877, section 2).

    With L = 2^(bits - 1) - 1 levels on each side of zero (127 for 8 bits) and U = 2^bits - 1 above it (255):
    Weights: s_o round(w / s_o), s_o = max|w_o| / L, one scale per output channel.
    Inputs: s round(x / s), clipped to 0..U s behind a ReLU (to -L..L s in a place without one). s comes from the
    running maximum of |x|, one per layer, which training updates by a tenth per pass; a layer that several levels of a
    pyramid share passes for each, so that it has a mixture of theirs.
    Gradient: straight through the rounding, 0 for a clipped input.
    """

    def __init__(self, shape: UnitShape, bits: int) -> None:
        super().__init__(shape, bits)
        self.signed_levels, self.unsigned_levels = 2 ** (bits - 1) - 1, 2**bits - 1
        self.largest: Tensor
        self.register_buffer("largest", torch.zeros(()))

    @property
    def input_levels(self) -> tuple[int, int]:
        """The lowest and the highest."""
        if self.shape.activation == "none":
            return -self.signed_levels, self.signed_levels
        return 0, self.unsigned_levels

    @property
    def input_step(self) -> Tensor:
        """A scalar; 0 until it is measured."""
        return torch.where(self.largest == 0, 0, self._input_step(self.largest))

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        x = rounded_input(x, self._step_for(x), self.input_levels, self.shape.activation)
        if self.given_scale is None:
            weight = _rounded(weight, self._weight_steps(weight))
        return self.bn(convolve(x, weight, self.shape))

    def _levels(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        steps = self._weight_steps(weight)
        return (weight / steps).round(), steps.flatten()

    def _input_step(self, largest: Tensor) -> Tensor:
        return largest.clamp(min=LEAST_LARGEST) / self.input_levels[1]

    def _weight_steps(self, weight: Tensor) -> Tensor:
        """(Co, 1, 1, 1)."""
        return weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=LEAST_LARGEST) / self.signed_levels

    @contextmanager
    def observed(self) -> Iterator[None]:
        before = self.largest.clone()
        self.largest.zero_()
        try:
            with super().observed():
                yield
        finally:
            self.largest.copy_(torch.where(self.largest == 0, before, self.largest))

    @torch.no_grad()
    def pass_without_input(self) -> None:
        if self.training or self.observing:
            self._observe(torch.zeros_like(self.largest))

    def _observe(self, own: Tensor) -> None:
        """The largest magnitude of this process's inputs, a scalar; 0 says nothing of the range."""
        now = largest(own)
        updated = torch.where(self.largest == 0, now, self.largest.lerp(now, RANGE_MOMENTUM))
        self.largest.copy_(torch.where(now == 0, self.largest, updated))

    @torch.no_grad()
    def _step_for(self, x: Tensor) -> Tensor:
        """The step for inputs x, which it observes in training."""
        if self.largest.is_meta:
            return self.largest
        if self.training or self.observing:
            self._observe(largest_magnitude(x, self.shape.activation))
        elif not x.is_cpu:  # as below, without waiting for the device
            own = largest_magnitude(x, self.shape.activation)
            return self._input_step(torch.where(self.largest == 0, own, self.largest))
        elif self.largest == 0:  # before any training the range is the batch's own
            return self._input_step(largest_magnitude(x, self.shape.activation))
        return self._input_step(self.largest)


def convolve(x: Tensor, weight: Tensor, shape: UnitShape, pad_value: float = 0.0) -> Tensor:
    """The product of a unit, with `pad_value` outside the map. x (N, Ci, H, W), weight (Co, Ci / groups, k, k)."""
    padding = shape.padding
    if pad_value and padding:
        x, padding = F.pad(x, (padding,) * 4, value=pad_value), 0
    return conv2d(x, weight, stride=shape.stride, padding=padding, dilation=shape.dilation, groups=shape.groups)


def activated(x: Tensor, activation: Activation) -> Tensor:
    """The pre-activation of a unit that isn't binary."""
    if activation == "none":
        return x
    return F.relu(x) if activation == "relu" else F.relu6(x)


def largest_magnitude(x: Tensor, activation: Activation) -> Tensor:
    """The largest |x| behind the activation, a scalar."""
    largest = in_float32(x.amax())
    if activation == "none":
        return torch.maximum(largest, -in_float32(x.amin()))
    return largest.clamp(0, RELU6_TOP if activation == "relu6" else None)


def rounded_input(x: Tensor, step: Tensor, levels: tuple[int, int], activation: Activation) -> Tensor:
    """The inputs x (N, C, H, W) of a product behind their activation, rounded to the grid of `step` and clipped to
    `levels` times it. The gradient goes straight through the rounding, and is 0 where x was clipped."""
    y: Tensor = _RoundedInput.apply(x, step, *levels, activation)
    return y


class _RoundedInput(torch.autograd.Function):
    """A function of its own, as composed of torch's operations it takes twice the time and keeps four more maps.

    On a CPU its kernels take the ends of the grid as numbers; on another device these stay where they are, as reading
    them would wait for it in each layer.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, low: int, high: int, activation: Activation) -> Tensor:
        if x.is_meta:  # costs are counted there
            return torch.empty_like(x)
        ctx.on_cpu = x.is_cpu
        if ctx.on_cpu:
            lowest, highest = float(low * step), float(high * step)
            ctx.save_for_backward(x)
            ctx.ends = (highest,) if activation != "none" else (lowest, highest)
            if activation == "relu6" and highest >= RELU6_TOP:
                highest, ctx.ends = RELU6_TOP, ()
            ctx.range = lowest, highest
            clamped = in_float32(x).clamp(lowest, highest)
        else:
            ends = grid_ends(step, low, high, activation)
            ctx.save_for_backward(x, *ends)
            clamped = in_float32(x).clamp(ends[0], ends[1])
        return clamped.div_(step).round_().mul_(step).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *on_device = ctx.saved_tensors
        if not ctx.on_cpu:
            return passed_inside(grad, x, *on_device), None, None, None, None
        inside = torch.ops.aten.hardtanh_backward
        passed = inside(grad, x, *ctx.range)
        for end in ctx.ends:  # where x is the end of the grid itself, half of it passes, as in torch's clamp
            if x.amax() >= end >= x.amin():
                between = (
                    float(torch.nextafter(torch.tensor(end), torch.tensor(side))) for side in (-math.inf, math.inf)
                )
                passed.add_(inside(grad, x, *between), alpha=0.5)
        return passed, None, None, None, None


def grid_ends(step: Tensor, low: int, high: int, activation: Activation) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The lowest and the highest value that inputs are clipped to, then those at which half a gradient passes.

    Scalars; NaN where there is no such value.
    """
    lowest, highest = low * step, high * step
    none = torch.full_like(lowest, math.nan)
    if activation == "none":
        return lowest, highest, lowest, highest
    if activation == "relu":
        return lowest, highest, none, highest
    return lowest, highest.clamp(max=RELU6_TOP), none, torch.where(highest >= RELU6_TOP, none, highest)


def passed_inside(
    grad: Tensor, x: Tensor, lowest: Tensor, highest: Tensor, low_end: Tensor, high_end: Tensor
) -> Tensor:
    """The gradient where x is between the two, half of it at the ends, and 0 elsewhere."""
    half = ((x == low_end) | (x == high_end)).to(grad.dtype) / 2
    return grad * torch.where((x > lowest) & (x < highest), torch.ones_like(half), half)


def _rounded(x: Tensor, step: Tensor) -> Tensor:
    """x on the grid of `step`, exactly, with the gradient of x."""
    return torch.round(x.detach() / step) * step + (x - x.detach())
