"""Mixed precision: what of a training computes in 16 bits, and what stays in float32.

In 16 bits, where a training asks for it (`computing_in`): the products of convolutions and linear layers, and the maps
between them, of every detector that runs in a step, students and teachers alike (`network_pass`). A product's sum is
kept in float32 by the kernels, and its result rounded.

In float32, whatever is asked for:

- the weights themselves, the optimizer's moments and averages of weights: an update is often smaller than 2^-9 of a
  weight, which is all that bf16 could tell apart;
- the binary layers' scales and the gradients of latent weights and logits: sums over many places. That a sign is -1 or
  +1 is exact in 16 bits;
- thresholds before a sign, the shifts around a PReLU and its slopes, as parameters. They meet a map in its own type:
  between two values of a map of 16 bits a threshold tells nothing apart;
- ranges and steps of int8, int4 and int2, and the rounding to them: on a grid of 255 steps bf16 would round a second
  time. The grid's points are rounded once, as inputs of the product;
- mean, variance, scale and shift of a BatchNorm, which torch's kernels keep apart from the map's own type;
- what is read off distributions of edges (softmax, entropy, the largest values), and the norm over channels of SSD300;
- gradients of learned steps, which are small differences of large sums;
- responses and pyramid maps once they leave the network, layer traces, and so all that is computed with them outside:
  losses, matching, masks, distillation terms with their adapters and discriminators, decoding. No loss needs to know of
  mixed precision, and none can lose small differences to it;
- evaluation, recalibration of BatchNorms, outputs of cached teachers, and what is exported.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, get_args

import torch
from torch import Tensor

Precision = Literal["float32", "bf16", "fp16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
FLOAT32: Precision = "float32"

DTYPES: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The types of 16 bits."""

_asked: ContextVar[Precision] = ContextVar("precision", default=FLOAT32)


@contextmanager
def computing_in(precision: Precision) -> Iterator[None]:
    """Within this context detectors run forward in this precision. Backward runs in that of its forward pass."""
    before = _asked.set(precision)
    try:
        yield
    finally:
        _asked.reset(before)


def network_pass(device: torch.device) -> AbstractContextManager[object]:
    """The region of a detector's forward pass, from normalised images to raw responses, in the precision asked for."""
    dtype = DTYPES.get(_asked.get())
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype)


def has_16_bits(x: Tensor) -> bool:
    """Whether it is a map of a pass in mixed precision."""
    return x.dtype in DTYPES.values()


def in_float32(x: Tensor) -> Tensor:
    """x itself, or, if it has 16 bits, in float32; its gradient goes back in x's type."""
    return x.float() if has_16_bits(x) else x
