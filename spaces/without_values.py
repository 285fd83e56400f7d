"""Networks for their shapes alone: built on torch's meta device without first weights, run without elementwise work."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FILLING = {getattr(torch.nn.init, name) for name in torch.nn.init.__all__ if name.endswith("_")}
"""What sets a tensor's values and returns it. On the meta device this changes nothing and takes a third of the time."""

_ELEMENTWISE = {
    *(F.batch_norm, F.prelu, F.relu, torch.prelu, torch.relu, torch.round, torch.sigmoid, torch.tanh),
    *(Tensor.abs, Tensor.clamp, Tensor.relu, Tensor.round, Tensor.sigmoid, Tensor.tanh),
}
"""What makes another value of each value of its first argument."""

_PAIRWISE = {Tensor.add, Tensor.mul, Tensor.sub}


@contextmanager
def without_values() -> Iterator[None]:
    """Tensors that are made in this context have shapes and dtypes, but neither values nor memory."""
    with torch.device("meta"), _LeftUnfilled():
        yield


@contextmanager
def without_work() -> Iterator[None]:
    """A network of such tensors gives outputs of the same shapes, in a third of the time.

    For tensors on the meta device torch works out the shape of an elementwise result in Python, slowly. Here it is the
    first argument's.
    """
    with _ShapesKept():
        yield


class _ShapesKept(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func in _ELEMENTWISE and args and args[0].is_meta:
            return args[0]
        if func in _PAIRWISE and _keeps_shape(*args):
            return args[0]
        if func is torch.copysign and "out" in given and given["out"].is_meta:
            return given["out"]
        return func(*args, **given)


def _keeps_shape(one: Any, other: Any) -> bool:
    """Whether a sum of both, of which one must be on the meta device, has one's shape; the other may be a number."""
    if not (isinstance(one, Tensor) and one.is_meta):
        return False
    return not isinstance(other, Tensor) or torch.broadcast_shapes(one.shape, other.shape) == one.shape


class _LeftUnfilled(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if func in _FILLING:
            return args[0] if args else given["tensor"]
        return func(*args, **given)
