"""OpenVINO itself: the one file that imports it, and the settings under which a graph computes what torch does.

Its `BinaryConvolution` is an old operator that no converter makes: the version is pinned in pyproject.toml, and tests
hold what is relied on.
"""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset1, opset14

Output = Any
"""The result of an operator in a graph."""

op: Any = opset14
binary_convolution: Any = opset1.binary_convolution
version: str = openvino.get_version()

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
"""Floats stay floats, where some machines would take bf16; one thread."""


def bits(weight: Any) -> Output:
    """A constant of type u1 of -1 and +1 (Co, Ci, k, k). Its bits are in this order, the first one lowest in a byte."""
    packed = np.packbits(np.asarray(weight).ravel() > 0, bitorder="little")
    tensor = openvino.Tensor(packed, openvino.Shape(list(weight.shape)), openvino.Type.u1)
    return openvino.op.Constant(tensor, shared_memory=False).output(0)  # a copy: the tensor only borrows the memory


def model(results: list[Output], inputs: list[Any], name: str) -> Any:
    """A graph from its inputs, each an `op.parameter`, to its results."""
    return openvino.Model([op.result(one) for one in results], inputs, name)


def save(graph: Any, path: Path) -> None:
    """Write <path>.xml and .bin, floats as they are."""
    openvino.save_model(graph, path, compress_to_fp16=False)


def compiled(graph: Any, settings: dict[str, Any] | None = None) -> Any:
    """A graph, or the path of one, ready to run on this machine's CPU."""
    return openvino.Core().compile_model(graph, "CPU", EXACT if settings is None else settings)


def kernels(ready: Any) -> list[tuple[str, str]]:
    """The operators that a compiled graph runs: kind and kernel of each."""
    told = [node.get_rt_info() for node in ready.get_runtime_model().get_ops()]
    return [(one["layerType"].astype(str), one["primitiveType"].astype(str)) for one in told]


def processor() -> str:
    """This machine's, in its maker's words."""
    return str(openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip()
