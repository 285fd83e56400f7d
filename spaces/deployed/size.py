"""How large the file of a packed detector is, from shapes alone: what each layer adds with each of its methods."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from spaces.added_cost import AddedCost
from spaces.deployed.describe import UndescribedError, describe
from spaces.deployed.packed import packed_form
from spaces.deployed.rows import row_of
from spaces.detectors import DetectorSpec, searchable_units
from spaces.layers import method

FIGURE = "size_mb"
BYTES = 1_000_000
"""Of a megabyte."""
LENGTH_AND_FILLING = 8 + 4
"""Bytes of a safetensors file for its header's length, and of the blanks that fill the header up, on average."""
A_COUNT, A_SHARE, A_CLASS, A_DIGEST = 1234567890.0, 0.5123456789012345, "a class", 64 * "0"
"""What stands in a header for values that shapes don't tell, as long as they usually are."""


def sizes(spec: DetectorSpec, networks: Sequence[nn.Module], choices: Mapping[str, Sequence[str]]) -> list[AddedCost]:
    """The cost of `size_cost`; nothing where a method of the user's own can't be exported."""
    try:
        return [size_cost(spec, networks, choices)]
    except UndescribedError:
        return []


def size_cost(spec: DetectorSpec, networks: Sequence[nn.Module], choices: Mapping[str, Sequence[str]]) -> AddedCost:
    """`size_mb`: the tensors of `packed_state` byte by byte, and the header as its names, shapes and rows make it.

    Of the header, only digits of offsets and numbers, class names and figures are estimated. networks: without
    values, all real the first; between them they have each unit as real and with each of its methods. choices: methods
    by layer or prefix. BatchNorms are counted as factor and offset, as they are where any weight is packed.
    """
    packs = any(method(name).weight_bits <= 8 for offered in choices.values() for name in offered)
    forms = [packed_form(network, _batch_norms(network) if packs else ()) for network in networks]
    digits = len(str(min(sum(tensor.nbytes for tensor in form.values()) for form in forms)))
    layers: dict[str, dict[str, int]] = {}
    rest = LENGTH_AND_FILLING + _of_description(spec, networks[0], choices)
    for network, form in zip(networks, forms, strict=True):
        units, own = searchable_units(network), dict[str, int]()
        for name, size in _parts(network, form, digits):
            unit = _unit_of(name, units)
            own[unit] = own.get(unit, 0) + size
        for name, one in units.items():
            layers.setdefault(name, {})[one.active] = own[name]
        if network is networks[0]:
            rest += own.get("", 0)
    return AddedCost(FIGURE, BYTES, layers, rest)


def _parts(network: nn.Module, form: Mapping[str, Tensor], digits: int) -> Iterable[tuple[str, int]]:
    """What each tensor and each row of the header takes, by the name of the tensor or the layer."""
    for name, tensor in form.items():
        offset = 10**digits - 1
        kind = "U8" if tensor.dtype == torch.uint8 else "F32"
        place = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [offset, offset]}
        yield name, tensor.nbytes + len(json.dumps({name: place}, separators=(",", ":"))) - 1
    for name, layer in describe(network).items():
        yield name, _escaped({name: row_of(layer)})


def _unit_of(name: str, units: Mapping[str, nn.Module]) -> str:
    """The innermost unit that a tensor or layer lies in; empty where there is none."""
    while name and name not in units:
        name = name.rpartition(".")[0]
    return name


def _of_description(spec: DetectorSpec, network: nn.Module, choices: Mapping[str, Sequence[str]]) -> int:
    """Bytes of the header's metadata without the rows of layers; see `trainers.detector_file.save_packed`."""
    backbone = cast(Any, network.get_submodule("backbone"))
    costs = ("bit_ops", "ops", "memory_bits", "macs_1bit", "macs_8bit", "macs_32bit")
    description = {
        "kind": "packed detector",
        "version": 2,
        "detector": spec.described(),
        "candidate": {f"layer/{prefix}": min(offered, key=len) for prefix, offered in choices.items()},
        "classes": [A_CLASS] * spec.num_classes,
        "normalisation": {"mean": backbone.image_mean, "std": backbone.image_std},
        "layers": {},
        "costs": dict.fromkeys(costs, A_COUNT),
        "figures": dict.fromkeys(("map50", "map50_11"), A_SHARE),
        "sha256": A_DIGEST,
    }
    return _escaped(description) + len('{"__metadata__":{"format":"bitfront-1","description":""}}')


def _escaped(value: Mapping[str, Any]) -> int:
    """The length of a mapping's items as JSON inside a JSON text, with what parts them from the next."""
    return len(json.dumps(json.dumps(value))) - 2


def _batch_norms(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
