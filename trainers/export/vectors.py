"""Test vectors: what each layer of a detector makes of real inputs, in whole numbers where it computes in these."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor, nn

from spaces.deployed import reference
from spaces.deployed.describe import describe
from spaces.deployed.form import Convolution
from spaces.deployed.rows import arrays_of, row_of
from spaces.deployed.thresholds import integer_thresholds
from spaces.layers.levels import at_level
from trainers.whole_files import write_whole

SIDE, ROWS = 5, 8
"""Cells of a map on each side, and rows of a linear layer, that are recorded: enough for borders and both strides."""
SUFFIX = ".vectors.safetensors"
REFERENCE_SUFFIX = ".reference.py"

Arrays = dict[str, NDArray[Any]]


@torch.no_grad()
def write_vectors(path: Path, network: nn.Module, images: list[Tensor]) -> list[Path]:
    """Write for every layer the upper left corner of its input on these images and what it makes of that.

    Beside it goes the numpy script that computes the same from the file and the packed detector; returns both. path is
    NAME and `SUFFIX`, the script NAME and `REFERENCE_SUFFIX`; the network is in evaluation mode. Of a layer that runs
    on several levels it is the first one.
    """
    layers = describe(network)
    seen: dict[str, Tensor] = {}
    with _recorded(network, layers, seen):
        _ = network(images).detections
    arrays: Arrays = {}
    for name, x in seen.items():
        own = _vectors(layers[name], network.get_submodule(name), x)
        arrays |= {f"{name}/{key}": np.ascontiguousarray(array) for key, array in own.items()}
    rows = {name: row_of(layers[name]) for name in seen}
    write_whole(path, save(arrays, {"layers": json.dumps(rows)}))
    script = path.with_name(path.name.removesuffix(SUFFIX) + REFERENCE_SUFFIX)
    write_whole(script, Path(reference.__file__).read_bytes())
    return [path, script]


@contextmanager
def _recorded(network: nn.Module, layers: dict[str, Convolution], seen: dict[str, Tensor]) -> Iterator[None]:
    """Within it every layer leaves the corner of its first input in `seen`."""

    def recorder(name: str) -> Any:
        def record(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0]
            if name not in seen and len(x):
                corner = x[:, :, :SIDE, :SIDE] if x.ndim == 4 else x[:ROWS]
                seen[name] = corner.detach().clone(memory_format=torch.contiguous_format)

        return record

    handles = [network.get_submodule(name).register_forward_pre_hook(recorder(name)) for name in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _vectors(convolution: Convolution, layer: nn.Module, x: Tensor) -> Arrays:
    """A layer's arrays without its weights, which the packed file has; x, y of torch, and q, p if they are integers.

    Maps and rows on which numpy computes something else than torch are left out: a value may lie so near to a dynamic
    threshold that the order of a sum decides its sign. Raises RuntimeError if none is left.
    """
    with at_level(layer.modules(), 0):
        y = layer(x).cpu().numpy()
    given, row, arrays = x.cpu().numpy(), row_of(convolution), arrays_of(convolution)
    apart = [reference.fault(row, arrays | {"x": given[[i]], "y": y[[i]]}) for i in range(len(given))]
    same = [index for index, fault in enumerate(apart) if not fault]
    if not same:
        raise RuntimeError(f"numpy computes something else than torch for {convolution.name}: {apart[0]}.")
    recorded = {"x": given[same], "y": y[same]}
    q, p, _ = reference.layer(row, arrays, recorded["x"])
    if convolution.kind != "float":
        recorded |= {"q": q, "p": p.astype(np.int32)}
        if (second := reference.second_sums(q, arrays, row)) is not None:
            recorded["second_p"] = second.astype(np.int32)
    if (found := integer_thresholds(convolution)) is not None:
        recorded["p_threshold"], recorded["p_rising"] = found
    weights = ("weight", "second_weight")
    return {key: array for key, array in arrays.items() if key.rpartition(".")[2] not in weights} | recorded
