"""Reads the state dicts of a file of weights that a user gives, and executes nothing of it."""

import pickle
import re
import struct
import warnings
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path, PosixPath
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import scalar
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from spaces.published.header import safetensors_metadata
from spaces.published.words import TAKEN, first_names
from spaces.published.wrappers import PublishedState, states_in

UNREADABLE = (
    pickle.UnpicklingError,  # another kind of file, or objects that aren't tensors
    RuntimeError,  # the zip archive or a tensor in it is incomplete
    EOFError,
    LookupError,  # from here on, torch's unpickler trips over damaged bytes: an index, a key, or a text encoding
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
    SystemError,  # from NumPy, about a damaged dtype
)
"""What torch.load(weights_only=True) raises for damaged and foreign files: it lets its unpickler's own errors pass."""

PLAIN_VALUES: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    Namespace,
    PosixPath,
    (scalar, "numpy._core.multiarray.scalar"),
    (scalar, "numpy.core.multiarray.scalar"),  # as NumPy 1 wrote it
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")),
]
"""What training scripts save beside their weights, and torch.load may build although it is no tensor: their arguments,
paths in these, and NumPy's numbers, such as the best accuracy so far. None of them executes anything."""

REFUSED = re.compile(r"GLOBAL (\S+)")
"""The class or function in torch's message that a file asks for and weights_only refuses."""


def read_states(path: Path) -> list[PublishedState]:
    """Read the state dicts of a file, those with a moving average first. Real numbers are converted to float32.

    Tensors that no network can take are listed as defects. Raises ValueError, with the file's name and the way out, if
    it can't be read, is damaged, needs code of its own or holds no tensors by name.
    """
    content = _content(path)
    states = [_converted(state) for state in states_in(content)]
    if not states:
        keys = [str(key) for key in content] if isinstance(content, Mapping) else []
        instead = f" but {first_names(keys)}" if keys else ""
        raise ValueError(f"{path} holds no tensors by name{instead}. {TAKEN}")
    return states


def _content(path: Path) -> object:
    try:
        if safetensors_metadata(path) is not None:
            return load_file(path)
        with path.open("rb") as file, warnings.catch_warnings():  # a path's ending would decide how torch reads it
            warnings.simplefilter("ignore")  # what is wrong is said once, below
            with torch.serialization.safe_globals(PLAIN_VALUES):
                return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}.") from error
    except (SafetensorError, *UNREADABLE) as error:
        raise ValueError(f"{path} {_reason(str(error))}. {TAKEN}") from error


def _reason(message: str) -> str:
    if refused := REFUSED.search(message):
        return (
            f"holds more than tensors: it asks for {refused[1]}, and nothing of a file is executed. Load it where it "
            "was made, and save model.state_dict() alone"
        )
    if "TorchScript" in message:
        return "is a TorchScript archive. Load it with torch.jit.load, and save model.state_dict() alone"
    return "is damaged, or another kind of file"


def _converted(state: PublishedState) -> PublishedState:
    tensors, defects = {}, {}
    for name, tensor in state.tensors.items():
        if (reason := _defect(tensor)) is None:
            own = tensor.detach()  # an object of its own for each name
            tensors[name] = own.float() if own.is_floating_point() else own
        else:
            defects[name] = f"The tensor {name} {reason}"
    return PublishedState(tensors, state.keys, defects)


def _defect(tensor: Tensor) -> str | None:
    """Why no network can start from a tensor; None if it can."""
    kinds = {
        "sparse": tensor.layout != torch.strided,
        "complex": tensor.is_complex(),
        "quantized": tensor.is_quantized,
        "without values": tensor.is_meta,
    }
    if (kind := next((kind for kind, holds in kinds.items() if holds), None)) is not None:
        return f"is {kind}: dense tensors of numbers are needed"
    if tensor.is_floating_point() and not tensor.float().isfinite().all():  # 8-bit floats have no isfinite
        return "has values that are no finite numbers: the file is damaged, or its training has diverged"
    return None
