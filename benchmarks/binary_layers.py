"""A training step of every layer method against the float convolution of the same shape.

A step is forward and backward of one unit's alternative: pre-activation, convolution, BatchNorm, post-activation.
Budget (docs/measurements/budgets.md): 1.20 times the float step over the shapes of a ResNet-18 taken together, for the
methods that add no computation by design: what adds a shift, a PReLU or a padding pass of its own is listed
without a budget. Ratios of medians, the two measured in turn in one process on one thread; in both memory layouts.
`dbs` is measured in the last, hard quarter of a training, `dbs+soft` in the relaxed one before. The last column is
the largest relative difference of result and gradients from the same unit composed of torch's own operations.
Exit status 1 when a budget is missed or a difference isn't rounding.

Run it with: python benchmarks/binary_layers.py
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.layers import METHODS, UnitShape, method
from spaces.layers.alternative import Alternative
from spaces.layers.binary_unit import Binary
from spaces.layers.searched_unit import DBS
from spaces.layers.signs import sign
from spaces.layers.two_bases import TwoBases
from spaces.layers.weight_rules import Normalised, Searched, StraightThrough, mean_scale
from trainers.training.memory import keep_freed_memory

BATCH, ROUNDS = 16, 15
SHAPES = ((64, 40), (128, 20), (256, 10), (512, 5))
"""Channels and cells a side: the 3x3 convolutions of a ResNet-18 at 160 pixels."""
BUDGET, ROUNDING = 1.20, 1e-4
NO_EXTRA_WORK = ("sign", "bireal", "bireal+learned_scale", "sign+learned_scale")
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def names() -> list[str]:
    options = ["bireal+learned_scale", "sign+learned_scale", "sign+pad_minus_one", "bireal+prelu", "dbs+soft"]
    options += ["react+bases2", "react+normalised", "react+periodic", "react+rectified", "react+resilient"]
    return [name for name in METHODS if name != "real"] + options


def step(unit: Alternative, x: Tensor, weight: Tensor, pull: Tensor) -> None:
    unit.zero_grad(set_to_none=True)
    x.grad = weight.grad = None
    unit.after(unit(x, weight)).backward(pull)


def seconds(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def inputs(channels: int, side: int, layout: torch.memory_format) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(BATCH, channels, side, side, generator=generator).to(memory_format=layout).requires_grad_()
    weight = (
        (torch.randn(channels, channels, 3, 3, generator=generator) * 0.1).to(memory_format=layout).requires_grad_()
    )
    return x, weight, torch.randn(BATCH, channels, side, side, generator=generator).to(memory_format=layout)


def ratio(name: str, layout: torch.memory_format) -> tuple[float, list[float]]:
    """Time of a step against the float step, over all shapes and for each."""
    total, float_total, each = 0.0, 0.0, []
    for channels, side in SHAPES:
        shape = UnitShape(channels, channels, 3, 1)
        unit, real = (method(one).build(shape).train() for one in (name, "real"))
        x, weight, pull = inputs(channels, side, layout)
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            times[0].append(seconds(lambda: step(unit, x, weight, pull)))  # noqa: B023 - called at once
            times[1].append(seconds(lambda: step(real, x, weight, pull)))  # noqa: B023
        ours, reference = (statistics.median(values[2:]) for values in times)
        total, float_total = total + ours, float_total + reference
        each.append(ours / reference)
    return total / float_total, each


def composed(unit: Binary, x: Tensor, weight: Tensor) -> Tensor:
    """The unit's formulas in operations that autograd differentiates by itself."""
    x = x if unit.shift is None else unit.shift(x)
    inner = x.clamp(-1, 1)
    if unit.input_gradient == "approx":
        inner = torch.where(inner < 0, 2 * inner + inner**2, 2 * inner - inner**2)
    binary = sign(x.detach()) + (inner - inner.detach())
    latent = unit.logits if isinstance(unit, DBS) else unit.seen(weight)
    scale = mean_scale(latent) if unit.scale is None else unit.scale.view(-1, 1, 1, 1)
    if isinstance(unit.rule, Normalised):
        deviation = latent.square().mean((1, 2, 3), keepdim=True).sqrt()
        straight = (latent / deviation).clamp(-1, 1) * deviation.detach()
        chosen = sign(latent.detach()) * scale.detach() + (straight - straight.detach())
    elif isinstance(unit.rule, TwoBases) and unit.rule.gradient == "clipped":
        straight, first = latent.clamp(-1, 1), sign(latent.detach()) * scale.detach()
        residual = latent.detach() - first
        chosen = first + sign(residual) * mean_scale(residual) + (straight - straight.detach())
    elif isinstance(unit.rule, StraightThrough) and unit.rule.gradient == "clipped":
        straight = latent.clamp(-1, 1)
        chosen = sign(latent.detach()) * (scale.detach() if unit.scale is None else scale)
        chosen = chosen + (straight - straight.detach())
    else:
        relaxed = isinstance(unit, DBS) and unit.relaxation == "soft"
        chosen = (Searched("soft") if relaxed else unit.rule).signs(latent) * scale
    y = F.conv2d(F.pad(binary, (1,) * 4, value=unit.pad_value), chosen)
    return unit.after(unit.bn(y))


def difference(name: str) -> float | None:
    """Of result and gradients from the composed unit, relative to their largest; None for what isn't binary."""
    torch.manual_seed(0)
    unit = method(name).build(UnitShape(32, 32, 3, 1)).train()
    if not isinstance(unit, Binary):
        return None
    x, weight, pull = inputs(32, 12, torch.contiguous_format)
    found = []
    for forward in (lambda: unit.after(unit(x, weight)), lambda: composed(unit, x, weight)):
        unit.zero_grad(set_to_none=True)
        x.grad = weight.grad = None
        y = forward()
        y.backward(pull)
        gradients = [p.grad for p in (x, weight, *unit.parameters()) if p.grad is not None]
        found.append([y.detach(), *[grad.clone() for grad in gradients]])
    return max(
        float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-6))
        for ours, theirs in zip(*found, strict=True)
    )


def main() -> int:
    torch.set_num_threads(1)
    keep_freed_memory()  # as every training does
    shapes = ", ".join(f"{channels} x {side} x {side}" for channels, side in SHAPES)
    print(f"3x3 units of {shapes}, batch {BATCH}, one thread")
    print(f"{'method':24}{'layout':15}{'step':>7}  {'by shape':31}{'budget':>8}  {'difference':>10}")
    failed = False
    for name in names():
        apart = difference(name)
        for label, layout in LAYOUTS.items():
            whole, each = ratio(name, layout)
            limited = name in NO_EXTRA_WORK
            missed = (limited and whole > BUDGET) or (apart is not None and apart > ROUNDING)
            failed |= missed
            shown = "  ".join(f"{one:5.2f}" for one in each)
            limit = f"{BUDGET:.2f}" if limited else "none"
            print(
                f"{name:24}{label:15}{whole:6.2f}x  {shown:31}{limit:>8}  "
                f"{'' if apart is None else f'{apart:.1e}':>10}{'  MISSED' if missed else ''}"
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
