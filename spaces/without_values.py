"""Building networks for their shapes alone: on torch's meta device, and without drawing first weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_FILLING = {getattr(torch.nn.init, name) for name in torch.nn.init.__all__ if name.endswith("_")}
"""What sets a tensor's values and returns it. On the meta device this changes nothing and takes a third of the time."""


@contextmanager
def without_values() -> Iterator[None]:
    """Tensors that are made in this context have shapes and dtypes, but neither values nor memory."""
    with torch.device("meta"), _LeftUnfilled():
        yield


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
