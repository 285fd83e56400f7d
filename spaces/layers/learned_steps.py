"""Inputs and weights of few bits with learned step sizes (LSQ, arXiv:1902.08153).

    v^ = s q,  q = clip(round(v / s), -Qn, Qp)                              forward
    dL/dv = dL/dv^ [-Qn < v / s < Qp]                                       straight through
    dL/ds = r sum dL/dv^ dv^/ds,  dv^/ds = q - v / s inside, q outside      r = 1 / sqrt(count Qp)

With signed v of b bits Qn = 2^(b-1) and Qp = Qn - 1, so that 2 bits have the levels -2, -1, 0, 1, as in the paper; with
unsigned v Qn = 0 and Qp = 2^b - 1. Both functions store v and v^ alone, and v^ is what the convolution stores anyway.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from spaces.layers.alternative import UnitShape
from spaces.layers.real import FakeQuantized, activated, convolve
from spaces.precision import in_float32
from spaces.whole_batch import mean

LEAST_STEP = 1e-8


class LearnedSteps(FakeQuantized):
    """As `Real`, with inputs and weights rounded to `bits` bits by learned steps (LSQ). x (N, Ci, H, W).

    Inputs have one step, unsigned behind a ReLU, signed in a place without one; weights one step per output channel.
    Steps start at 2 mean|v| / sqrt(Qp). A weight's is set from the real weight (`start_from`); the input's is 0 until
    it is measured, by the first batch in training or, where no training came before, in recalibration, which leaves a
    learned step as it is. Until then every batch in evaluation has its own.

    What is learned is the logarithm of a step over its start: AdamW moves a parameter by about the learning rate
    whatever its gradient, which for a step itself would be a tenth of it each time. The paper has SGD and learns the
    step. The logarithms are a vector and a scalar, so that they have no weight decay.
    """

    folded = ("weight_log", "input_log")
    weighed = ("weight_log", "weight_start")

    def __init__(self, shape: UnitShape, bits: int) -> None:
        super().__init__(shape, bits)
        signed = shape.activation == "none"
        half = 2 ** (bits - 1)
        self.weight_levels = (-half, half - 1)
        self.input_levels = (-half, half - 1) if signed else (0, 2**bits - 1)
        self.weight_start: Tensor
        self.input_start: Tensor
        self.register_buffer("weight_start", torch.ones(shape.out_channels))
        self.register_buffer("input_start", torch.zeros(()))
        self.weight_log = nn.Parameter(torch.zeros(shape.out_channels))
        self.input_log = nn.Parameter(torch.zeros(()))
        self._measured, self._asked = False, (0, -1)

    @property
    def weight_step(self) -> Tensor:
        """(Co,)."""
        return self.weight_start * self.weight_log.exp()

    @property
    def input_step(self) -> Tensor:
        """A scalar; 0 until it is measured."""
        return self.input_start * self.input_log.exp()

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        x = quantized_input(x, self._input_step(x), self.input_levels, self.top)
        if self.given_scale is None:
            weight = quantized_weight(weight, self.weight_step, self.weight_levels)
        return self.bn(convolve(x, weight, self.shape))

    @torch.no_grad()
    def start_from(self, weight: Tensor) -> None:
        self.weight_start.copy_(first_step(weight.abs().mean((1, 2, 3)), self.weight_levels))
        self.weight_log.zero_()

    def _levels(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        step = self.weight_step
        return (quantized_weight(weight, step, self.weight_levels) / step.view(-1, 1, 1, 1)).round(), step

    def _input_step(self, x: Tensor) -> Tensor:
        if self.input_start.is_meta or self._is_measured():
            return self.input_step
        with torch.no_grad():
            magnitude = mean(in_float32(activated(x, self.shape.activation)).abs().mean())
            measured = first_step(magnitude, self.input_levels)
            if not (self.training or self.observing):
                return measured
            self.input_start.copy_(measured)
        return self.input_step

    @torch.no_grad()
    def pass_without_input(self) -> None:
        if not self._is_measured():
            magnitude = mean(torch.zeros_like(self.input_start))
            if self.training or self.observing:
                measured = first_step(magnitude, self.input_levels)
                self.input_start.copy_(torch.where(magnitude == 0, self.input_start, measured))

    def _is_measured(self) -> bool:
        """Whether the input's step has a start. It is asked again only where that has changed: that waits for a GPU."""
        asked = (self.input_start.data_ptr(), self.input_start._version)
        if asked != self._asked:
            self._measured, self._asked = bool(self.input_start != 0), asked
        return self._measured


def first_step(magnitude: Tensor, levels: tuple[int, int]) -> Tensor:
    """The step that values of this mean magnitude start from."""
    return (2 * magnitude / math.sqrt(levels[1])).clamp(min=LEAST_STEP)


def quantized_input(x: Tensor, step: Tensor, levels: tuple[int, int], top: float = math.inf) -> Tensor:
    """v^ of inputs x (N, C, H, W) with one step (); `top` cuts them first, as ReLU6 does.

    Levels from 0 up take the ReLU's place. The gradient's count is C H W: a loss is a mean over the batch already.
    """
    return _Input.apply(x, step, *levels, top)


def quantized_weight(weight: Tensor, step: Tensor, levels: tuple[int, int]) -> Tensor:
    """v^ of weights (Co, Ci, k, k) with a step per output channel (Co,); the gradient's count is Ci k k."""
    return _Weight.apply(weight, step, *levels)


class _Input(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, low: int, high: int, top: float) -> Tensor:
        v = in_float32(x) if top == math.inf else in_float32(x).clamp(max=top)
        out = _on_grid(v, step, low, high).to(x.dtype)
        ctx.save_for_backward(x, step, out)
        ctx.low, ctx.high, ctx.top = low, high, top
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        dtype, step = grad.dtype, ctx.saved_tensors[1]
        # The step's gradient is a difference of two sums, of which 16 bits would leave little.
        grad, x, out = (in_float32(one) for one in (grad, ctx.saved_tensors[0], ctx.saved_tensors[2]))
        size = float(step) if step.is_cpu else step  # another device would be waited for
        v = x if ctx.top == math.inf else x.clamp(max=ctx.top)
        inside = inside_range(grad, v, ctx.low * size, ctx.high * size)
        grad_step = (_inner(grad, out) - _inner(inside, v)) / (size * math.sqrt(x[0].numel() * ctx.high))
        if ctx.top != math.inf:
            inside = torch.ops.aten.hardtanh_backward(inside, x, -math.inf, ctx.top)
        return inside.to(dtype), grad_step, None, None, None


def inside_range(grad: Tensor, x: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """The gradient where x is between the two, 0 elsewhere; low, high: numbers, or scalars of a device."""
    if isinstance(low, Tensor):
        return torch.where((x > low) & (x < high), grad, torch.zeros_like(grad))
    passed: Tensor = torch.ops.aten.hardtanh_backward(grad, x, low, high)
    return passed


class _Weight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, step: Tensor, low: int, high: int) -> Tensor:
        out = _on_grid(weight, step, low, high)
        ctx.save_for_backward(weight, step, out)
        ctx.low, ctx.high = low, high
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight, step, out = ctx.saved_tensors
        inside = torch.ops.aten.hardtanh_backward(grad, weight / step.view(-1, 1, 1, 1), ctx.low, ctx.high)
        through = (grad * out).addcmul_(inside, weight, value=-1).sum((1, 2, 3))
        return inside, through / (step * math.sqrt(weight[0].numel() * ctx.high)), None, None


def _on_grid(v: Tensor, step: Tensor, low: int, high: int) -> Tensor:
    """v^; half rounds to even."""
    if v.is_meta:  # costs are counted there, and torch's kernel has no shapes for it
        return torch.empty_like(v)
    if step.ndim:
        zero = torch.zeros_like(step, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(v, step, zero, 0, low, high)
    # What torch's kernel for one step computes, to the bit; that one takes several times as long.
    return v.mul(step.reciprocal()).round_().clamp_(low, high).mul_(step)


def _inner(one: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two maps; where both lie alike in memory, in one pass and without a temporary."""
    for order, layout in (((0, 1, 2, 3), torch.contiguous_format), ((0, 2, 3, 1), torch.channels_last)):
        if one.is_contiguous(memory_format=layout) and other.is_contiguous(memory_format=layout):
            return torch.dot(one.permute(order).reshape(-1), other.permute(order).reshape(-1))
    return (one * other).sum()
