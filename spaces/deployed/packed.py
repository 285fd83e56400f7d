"""A network's tensors with its weights of few bits packed, and back, so that it computes the same to the bit."""

from collections.abc import Collection, Iterator, Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from spaces.candidate import Candidate
from spaces.deployed.bits import packed, packed_size
from spaces.deployed.reference import unpack
from spaces.detectors import DetectorSpec, searchable_units
from spaces.layers import SearchableUnit, method
from spaces.layers.alternative import Alternative, StoredWeight
from spaces.layers.norms import factor_and_offset
from spaces.supernet import build_fixed, give_memory
from spaces.without_values import without_values

BITS, SCALE, CENTRE = "packed", "scale", "centre"
SECOND_BITS, SECOND_SCALE = "second_packed", "second_scale"
"""What a packed weight's bytes, scales and centres are called behind the unit's name, and those of a second weight."""
COUNTER = "num_batches_tracked"
"""Of BatchNorms; read in training alone."""
MEAN, VARIANCE = "running_mean", "running_var"
"""Of BatchNorms; folded into weight and bias where weights are packed."""


def packed_state(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a detector of one method in each unit: what it needs to compute, and no more.

    A unit of few bits has `<unit>.packed` (uint8, see `bits.packed`), `<unit>.scale` (Co,) and, where it has one,
    `<unit>.centre` (Co,) in place of its latent weight and of what makes a scale or a step of it. One of two binary
    weights has `<unit>.second_packed` and `<unit>.second_scale` too. The weight and bias of a BatchNorm are then the
    factor and the offset that it computes with, and it has no statistics. All else has its name of the network's state.
    """
    tensors, replaced = {}, set()
    for name, unit in _units_of_few_bits(network):
        weight = unit.latent_weight
        own = None if weight is None else weight.reshape(unit.shape.weight)
        levels, scale = _active(unit).levels(own)
        tensors[f"{name}.{BITS}"], tensors[f"{name}.{SCALE}"] = _packed(levels, unit), scale
        if (second := _active(unit).second(own)) is not None:
            tensors[f"{name}.{SECOND_BITS}"], tensors[f"{name}.{SECOND_SCALE}"] = _packed(second[0], unit), second[1]
        if (centre := _active(unit).centre(own)) is not None:
            tensors[f"{name}.{CENTRE}"] = centre
        replaced |= _replaced(name, unit)
    for name, norm in _folded(network):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = factor_and_offset(norm)
        replaced |= {f"{name}.{MEAN}", f"{name}.{VARIANCE}"}
    kept = {key: tensor for key, tensor in network.state_dict().items() if key not in replaced and not _counts(key)}
    return {key: tensor.detach().cpu().contiguous().clone() for key, tensor in (kept | tensors).items()}


def unpacked_network(tensors: Mapping[str, Tensor], spec: DetectorSpec, candidate: Candidate) -> nn.Module:
    """The detector that `packed_state` is of, in evaluation mode, and not to be trained where a weight was packed.

    Raises ValueError, with the tensor's name, for one that is missing, left over, or of another shape or type.
    """
    with without_values():  # no memory and no random numbers for weights that are replaced at once
        network = build_fixed(spec, candidate)
    give_memory(network, torch.device("cpu"))
    state = network.state_dict()
    folded = {name: norm for name, norm in _folded(network) if f"{name}.{MEAN}" not in tensors}  # version 1 has them
    _check(tensors, packed_form(network, folded))
    for key, tensor in state.items():
        with torch.no_grad():
            tensor.copy_(tensors[key]) if key in tensors else tensor.zero_()
    for norm in folded.values():
        cast(Tensor, norm.running_var).copy_(torch.tensor(1.0) - norm.eps)  # which is 1 again with eps
    for name, unit in _units_of_few_bits(network):
        weight = unit.latent_weight
        given = None if weight is None else weight.view(unit.shape.weight)
        centre = tensors[f"{name}.{CENTRE}"].clone() if _active(unit).has_centre else None
        levels, scale = _unpacked(tensors[f"{name}.{BITS}"], unit), tensors[f"{name}.{SCALE}"].clone()
        second = None
        if _active(unit).bases > 1:
            signs, own = (tensors[f"{name}.{key}"] for key in (SECOND_BITS, SECOND_SCALE))
            second = _unpacked(signs, unit), own.clone()
        _active(unit).give(StoredWeight(levels, scale, centre, second), given)
    return network.eval()


def packed_form(network: nn.Module, folded: Collection[str]) -> dict[str, Tensor]:
    """The names of `packed_state`, with tensors of the same shapes and types. folded: BatchNorms without statistics."""
    units = list(_units_of_few_bits(network))
    replaced = set[str]().union(*(_replaced(name, unit) for name, unit in units))
    replaced |= {f"{name}.{key}" for name in folded for key in (MEAN, VARIANCE)}
    form = {key: tensor for key, tensor in network.state_dict().items() if key not in replaced and not _counts(key)}
    for name, unit in units:
        size, two = packed_size(unit.shape.weight, method(unit.active).weight_bits), _active(unit).bases > 1
        for key in (BITS, SECOND_BITS) if two else (BITS,):
            form[f"{name}.{key}"] = torch.empty(size, dtype=torch.uint8, device="meta")
        numbers = [SCALE, *[SECOND_SCALE] * two, *[CENTRE] * _active(unit).has_centre]
        for key in numbers:
            form[f"{name}.{key}"] = torch.empty(unit.shape.out_channels, device="meta")
    return form


def _check(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if missing := [key for key in wanted if key not in tensors]:
        raise ValueError(f"The file lacks {len(missing)} tensors of the network, {missing[0]} among them.")
    if unknown := [key for key in tensors if key not in wanted]:
        raise ValueError(f"The file has {len(unknown)} tensors that the network doesn't, {unknown[0]} among them.")
    for key, tensor in wanted.items():
        there, own = ((tuple(one.shape), str(one.dtype).removeprefix("torch.")) for one in (tensors[key], tensor))
        if there != own:
            raise ValueError(f"The tensor {key} is {there} in the file and {own} in the network.")


def _units_of_few_bits(network: nn.Module) -> Iterator[tuple[str, SearchableUnit]]:
    for name, unit in searchable_units(network).items():
        if method(unit.active).weight_bits <= 8:
            yield name, unit


def _folded(network: nn.Module) -> Iterator[tuple[str, nn.BatchNorm2d]]:
    """The BatchNorms of a network with packed weights. Others can be trained, and need their statistics."""
    if any(True for _ in _units_of_few_bits(network)):
        for name, norm in network.named_modules():
            if isinstance(norm, nn.BatchNorm2d):
                yield name, norm


def _packed(levels: Tensor, unit: SearchableUnit) -> Tensor:
    return torch.from_numpy(packed(levels.cpu().numpy().astype(np.int8), method(unit.active).weight_bits))


def _unpacked(bytes_: Tensor, unit: SearchableUnit) -> Tensor:
    return torch.from_numpy(unpack(bytes_.numpy(), method(unit.active).weight_bits, unit.shape.weight))


def _active(unit: SearchableUnit) -> Alternative:
    return cast(Alternative, unit.alternatives[unit.active])


def _replaced(name: str, unit: SearchableUnit) -> set[str]:
    """The names of the tensors that levels and scale stand for."""
    inside, weighed = f"alternatives.{unit.active}.", _active(unit).weighed
    own = [key for key in unit.state_dict() if key.startswith(inside)]
    parts = [key for key in own if key.removeprefix(inside).partition(".")[0] in weighed]
    return {f"{name}.{key}" for key in (*parts, "weight")}


def _counts(key: str) -> bool:
    return key.rpartition(".")[2] == COUNTER
