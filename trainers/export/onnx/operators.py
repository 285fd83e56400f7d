"""Torch's operators between the layers of a network, each in ONNX's, in one visible table."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from trainers.export.onnx.builder import FLOAT, Builder, Output

Built = Output | tuple[Output | None, ...]


def operand(build: Builder, value: Any) -> Any:
    """A tensor that doesn't depend on the image as a constant, in float32; anything else as it is."""
    return build.constant(value.detach().cpu().numpy()) if isinstance(value, Tensor) else value


def _arithmetic(kind: str) -> Callable[..., Built]:
    def of_two(build: Builder, x: Any, y: Any, *, alpha: float = 1) -> Built:
        scaled = y if alpha == 1 else build.op("Mul", _float(build, y), build.constant(alpha))
        return build.op(kind, _float(build, x), _float(build, scaled))

    return of_two


def _of_one(kind: str) -> Callable[..., Built]:
    return lambda build, x: build.op(kind, x)


def _float(build: Builder, x: Any) -> Output:
    return build.constant(x) if isinstance(x, int | float) else x


def _unchanged(_build: Builder, x: Output, **_: Any) -> Built:
    return x


def _batch_norm(
    build: Builder,
    x: Output,
    weight: Output,
    bias: Output,
    mean: Output,
    variance: Output,
    training: bool,
    _: float,
    eps: float,
) -> Built:
    if training:
        raise ValueError("The network is in training mode.")
    return build.op("BatchNormalization", x, weight, bias, mean, variance, epsilon=eps), None, None


def _max_pool(
    build: Builder,
    x: Output,
    kernel: list[int],
    stride: Sequence[int] = (),
    pad: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil: bool = False,
) -> Built:
    made = build.op("MaxPool", x, **_window(kernel, stride, pad, ceil), dilations=list(dilation))
    return made, None


def _avg_pool(
    build: Builder,
    x: Output,
    kernel: list[int],
    stride: Sequence[int] = (),
    pad: Sequence[int] = (0, 0),
    ceil: bool = False,
    count_pad: bool = True,
) -> Built:
    return build.op("AveragePool", x, **_window(kernel, stride, pad, ceil), count_include_pad=int(count_pad))


def _window(kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], ceil: bool) -> dict[str, Any]:
    strides = list(stride or kernel)
    return {"kernel_shape": list(kernel), "strides": strides, "pads": [*pad, *pad], "ceil_mode": int(ceil)}


def _pad(build: Builder, x: Output, pads: list[int], value: float = 0) -> Built:
    """pads: two numbers an axis, the last axis first."""
    axes = build.integers(*(-1 - place for place in range(len(pads) // 2)))
    return build.op("Pad", x, build.integers(*pads[::2], *pads[1::2]), build.constant(value), axes)


def _nearest(build: Builder, x: Output, size: list[int], *_: Any) -> Built:
    where = {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"}
    return build.op("Resize", x, "", "", build.integers(*size), axes=[2, 3], **where)


def _reshape(build: Builder, x: Output, shape: list[int]) -> Built:
    return build.op("Reshape", x, build.integers(*shape))


def _expand(build: Builder, x: Output, shape: list[int], **_: Any) -> Built:
    return build.op("Expand", x, build.integers(*(max(size, 1) for size in shape)))


def _cat(build: Builder, parts: list[Output], axis: int = 0) -> Built:
    return build.op("Concat", *parts, axis=axis)


def _slice(
    build: Builder, x: Output, axis: int = 0, start: int | None = None, stop: int | None = None, step: int = 1
) -> Built:
    stop = int(np.iinfo(np.int64).max) if stop is None else stop
    return build.op("Slice", x, *map(build.integers, (start or 0, stop, axis, step)))


def _topk(build: Builder, x: Output, count: int, axis: int = -1, largest: bool = True, _sorted: bool = True) -> Built:
    """Places as floats: all that is computed here is."""
    values, places = build.several("TopK", 2, x, build.integers(count), axis=axis, largest=int(largest), sorted=1)
    return values, build.op("Cast", places, to=FLOAT)


def _softmax(kind: str) -> Callable[..., Built]:
    return lambda build, x, axis, _: build.op(kind, x, axis=axis)


def _reduced(kind: str) -> Callable[..., Built]:
    def over(build: Builder, x: Output, axes: list[int], keep: bool = False, **_: Any) -> Built:
        return build.op(kind, x, build.integers(*axes), keepdims=int(keep))

    return over


def _norm(build: Builder, x: Output, order: float, axes: list[int], keep: bool = False, **_: Any) -> Built:
    if order != 2:
        raise ValueError(f"A norm of order {order} isn't known, only the Euclidean one.")
    return build.op("ReduceL2", x, build.integers(*axes), keepdims=int(keep))


OPERATORS: dict[str, Callable[..., Built]] = {
    "aten._log_softmax.default": _softmax("LogSoftmax"),
    "aten._softmax.default": _softmax("Softmax"),
    "aten._unsafe_view.default": _reshape,
    "aten.abs.default": _of_one("Abs"),
    "aten.add.Tensor": _arithmetic("Add"),
    "aten.avg_pool2d.default": _avg_pool,
    "aten.cat.default": _cat,
    "aten.clamp_min.default": _arithmetic("Max"),
    "aten.clone.default": _unchanged,
    "aten.constant_pad_nd.default": _pad,
    "aten.detach.default": _unchanged,
    "aten.div.Tensor": _arithmetic("Div"),
    "aten.exp.default": _of_one("Exp"),
    "aten.expand.default": _expand,
    "aten.linalg_vector_norm.default": _norm,
    "aten.max_pool2d_with_indices.default": _max_pool,
    "aten.mean.dim": _reduced("ReduceMean"),
    "aten.mul.Tensor": _arithmetic("Mul"),
    "aten.native_batch_norm.default": _batch_norm,
    "aten.neg.default": _of_one("Neg"),
    "aten.pow.Tensor_Scalar": _arithmetic("Pow"),
    "aten.relu.default": _of_one("Relu"),
    "aten.slice.Tensor": _slice,
    "aten.sub.Tensor": _arithmetic("Sub"),
    "aten.sum.dim_IntList": _reduced("ReduceSum"),
    "aten.topk.default": _topk,
    "aten.upsample_nearest2d.default": _nearest,
    "aten.view.default": _reshape,
}
"""From the name of torch's operator to what builds it, with torch's arguments."""
