"""Torch's operators between the layers of a network, each in OpenVINO's, in one visible table."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from trainers.export.openvino.runtime import Output, op

Built = Output | tuple[Output | None, ...]


def operand(value: Any) -> Any:
    """A tensor that doesn't depend on the image as a constant; anything else as it is."""
    return op.constant(value.detach().cpu().numpy()).output(0) if isinstance(value, Tensor) else value


def _arithmetic(build: Callable[..., Any]) -> Callable[..., Built]:
    def of_two(x: Any, y: Any, *, alpha: float = 1) -> Built:
        scaled = y if alpha == 1 else op.multiply(_float(y), np.float32(alpha))
        return build(_float(x), _float(scaled)).output(0)

    return of_two


def _of_one(build: Callable[..., Any]) -> Callable[..., Built]:
    return lambda x: build(x).output(0)


def _float(x: Any) -> Any:
    """A number, or a map of them, as float32."""
    return np.float32(x) if isinstance(x, int | float) else op.convert(x, "f32").output(0)


def _unchanged(x: Output, **_: Any) -> Built:
    return x


def _batch_norm(
    x: Output, weight: Output, bias: Output, mean: Output, variance: Output, training: bool, _: float, eps: float
) -> Built:
    if training:
        raise ValueError("The network is in training mode.")
    return op.batch_norm_inference(x, weight, bias, mean, variance, eps).output(0), None, None


def _max_pool(
    x: Output,
    kernel: list[int],
    stride: Sequence[int] = (),
    pad: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil: bool = False,
) -> Built:
    pads, steps = list(pad), list(stride or kernel)
    made = op.max_pool(x, steps, list(dilation), pads, pads, list(kernel), "ceil_torch" if ceil else "floor")
    return made.output(0), None


def _avg_pool(
    x: Output,
    kernel: list[int],
    stride: Sequence[int] = (),
    pad: Sequence[int] = (0, 0),
    ceil: bool = False,
    count_pad: bool = True,
) -> Built:
    pads, rounding = list(pad), "ceil_torch" if ceil else "floor"
    return op.avg_pool(x, list(stride or kernel), pads, pads, list(kernel), not count_pad, rounding).output(0)


def _pad(x: Output, pads: list[int], value: float = 0) -> Built:
    """pads: two numbers an axis, the last axis first."""
    rank = len(x.get_partial_shape())
    begin, end = [0] * rank, [0] * rank
    for place in range(len(pads) // 2):
        begin[rank - 1 - place], end[rank - 1 - place] = pads[2 * place : 2 * place + 2]
    return op.pad(x, begin, end, "constant", np.float32(value)).output(0)


def _nearest(x: Output, size: list[int], *_: Any) -> Built:
    where = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return op.interpolate(x, np.array(size), "nearest", "sizes", axes=np.array([2, 3]), **where).output(0)


def _reshape(x: Output, shape: list[int]) -> Built:
    return op.reshape(x, np.array(shape), False).output(0)


def _expand(x: Output, shape: list[int], **_: Any) -> Built:
    return op.broadcast(x, np.array(shape)).output(0)


def _cat(parts: list[Output], axis: int = 0) -> Built:
    return op.concat(parts, axis).output(0)


def _slice(x: Output, axis: int = 0, start: int | None = None, stop: int | None = None, step: int = 1) -> Built:
    ends = np.iinfo(np.int64).max if stop is None else stop
    return op.slice(x, *(np.array([one]) for one in (start or 0, ends, step, axis))).output(0)


def _topk(x: Output, count: int, axis: int = -1, largest: bool = True, _sorted: bool = True) -> Built:
    made = op.topk(x, np.int32(count), axis, "max" if largest else "min", "value")
    return made.output(0), made.output(1)


def _softmax(x: Output, axis: int, _: bool) -> Built:
    return op.softmax(x, axis).output(0)


def _log_softmax(x: Output, axis: int, _: bool) -> Built:
    return op.log_softmax(x, axis).output(0)


def _reduced(build: Callable[..., Any]) -> Callable[..., Built]:
    def over(x: Output, axes: list[int], keep: bool = False, **_: Any) -> Built:
        return build(x, np.array(axes), keep).output(0)

    return over


def _norm(x: Output, order: float, axes: list[int], keep: bool = False, **_: Any) -> Built:
    if order != 2:
        raise ValueError(f"A norm of order {order} isn't known, only the Euclidean one.")
    return op.reduce_l2(x, np.array(axes), keep).output(0)


OPERATORS: dict[str, Callable[..., Built]] = {
    "aten._log_softmax.default": _log_softmax,
    "aten._softmax.default": _softmax,
    "aten._unsafe_view.default": _reshape,
    "aten.abs.default": _of_one(op.abs),
    "aten.add.Tensor": _arithmetic(op.add),
    "aten.avg_pool2d.default": _avg_pool,
    "aten.cat.default": _cat,
    "aten.clamp_min.default": _arithmetic(op.maximum),
    "aten.clone.default": _unchanged,
    "aten.constant_pad_nd.default": _pad,
    "aten.detach.default": _unchanged,
    "aten.div.Tensor": _arithmetic(op.divide),
    "aten.exp.default": _of_one(op.exp),
    "aten.expand.default": _expand,
    "aten.linalg_vector_norm.default": _norm,
    "aten.max_pool2d_with_indices.default": _max_pool,
    "aten.mean.dim": _reduced(op.reduce_mean),
    "aten.mul.Tensor": _arithmetic(op.multiply),
    "aten.native_batch_norm.default": _batch_norm,
    "aten.neg.default": _of_one(op.negative),
    "aten.pow.Tensor_Scalar": _arithmetic(op.power),
    "aten.relu.default": _of_one(op.relu),
    "aten.slice.Tensor": _slice,
    "aten.sub.Tensor": _arithmetic(op.subtract),
    "aten.sum.dim_IntList": _reduced(op.reduce_sum),
    "aten.topk.default": _topk,
    "aten.upsample_nearest2d.default": _nearest,
    "aten.view.default": _reshape,
}
"""From the name of torch's operator to what builds it, with torch's arguments."""
