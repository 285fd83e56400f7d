"""Costs of a network: multiply-accumulates at each precision, bit-operations, operations and memory, layer by layer.

One multiply-accumulate (MAC) is one operation. `bit_ops` is the sum of MACs x weight bits x input bits. `ops` is MACs
at 32 bits + at 8 bits / 8 + at 4 / 16 + at 2 / 32 + at 1 / 64: the count of Bi-Real Net, ReActNet and LWS-Det for 32
and 1 bits, and for those between by the same 64-bit word. BatchNorm, PReLU, biases, additions and pooling are not
counted. `memory_bits` has as many bits per weight as its method says (1 per binary weight) and 32 per other parameter,
the scales of binary and quantized weights among them. Buffers (running statistics) are not counted: they fold into the
parameters beside them. A method whose binary weights have a centre sums up the signs under each window too, with one
more filter of ones in each group, which isn't stored, and multiplies that sum with a real number for each output
channel: one real MAC at each place, a row of its own. A method whose weights are two binary ones has both products in
its row, and bits and a scale a channel for each. A two-stage detector is counted with a fixed number of proposals,
its `counted_proposals`, without which its figures could not be compared. None of this is time.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from spaces.detectors import counted_proposals
from spaces.detectors.openable import INSIDE_A_UNIT
from spaces.layers import REAL, WIDTHS, SearchableUnit, method
from spaces.layers.alternative import Alternative
from spaces.layers.input_norm import InputNorm

WORD_BITS = 64
USUAL_WIDTHS = (1, 8, 32)
"""The bits that always have a column of MACs; those between have one where a network uses them."""
BITS_PER_MEGABYTE = 8e6
_ANY_BOX = (0.0, 0.0, 32.0, 32.0)
"""Any box will do, as all proposals cost the same."""


class CostError(RuntimeError):
    """A layer that the cost model can't count: a wrong number would be worse."""


@dataclass(frozen=True)
class LayerCost:
    """One layer's share: `macs` for one image, bits of weights and inputs, memory of the layer's parameters."""

    name: str
    method: str
    macs: int
    weight_bits: int
    input_bits: int
    memory_bits: int

    @property
    def bit_ops(self) -> int:
        return self.macs * self.weight_bits * self.input_bits

    @property
    def ops(self) -> float:
        return self.macs / macs_per_operation(self.precision)

    @property
    def precision(self) -> int:
        """The width at which the product runs: that of the wider operand."""
        return max(self.weight_bits, self.input_bits)


@dataclass(frozen=True)
class Costs:
    """A network's totals for one image of the given size; `macs` by the bits at which they run."""

    bit_ops: int
    memory_bits: int
    macs: Mapping[int, int]

    @property
    def ops(self) -> float:
        return float(sum(count / macs_per_operation(bits) for bits, count in self.macs.items()))

    @property
    def shown_widths(self) -> list[int]:
        """The bits that have a column of MACs."""
        return [bits for bits in WIDTHS if bits in USUAL_WIDTHS or self.macs.get(bits)]

    def as_dict(self) -> dict[str, float]:
        """Columns: bit_ops, ops, memory_bits, macs_1bit, macs_8bit, macs_32bit, and other widths that are used."""
        macs = {f"macs_{bits}bit": float(self.macs.get(bits, 0)) for bits in self.shown_widths}
        return {"bit_ops": float(self.bit_ops), "ops": self.ops, "memory_bits": float(self.memory_bits), **macs}


def macs_per_operation(bits: int) -> int:
    """How many MACs of this width are one operation: those that fit a 64-bit word; a real one is one by convention."""
    return 1 if bits == max(WIDTHS) else WORD_BITS // bits


def macs_of(weight_shape: Iterable[int], output_shape: Sequence[int]) -> int:
    """MACs for one image: a weight is used once at every place of its output.

    Of a convolution (Co, Ci / groups, kh, kw) that is a pixel of its map (1, Co, H, W); of a linear layer (Co, Ci) a
    row (R, Co).
    """
    places = output_shape[-2:] if len(output_shape) > 2 else output_shape[:1]
    return math.prod(weight_shape) * math.prod(places)


def totals(layers: Iterable[LayerCost]) -> Costs:
    """The sum over layers."""
    layers = list(layers)
    return Costs(
        bit_ops=sum(layer.bit_ops for layer in layers),
        memory_bits=sum(layer.memory_bits for layer in layers),
        macs={bits: sum(layer.macs for layer in layers if layer.precision == bits) for bits in WIDTHS},
    )


@torch.no_grad()
def layer_costs(network: nn.Module, images: list[Tensor] | Tensor) -> list[LayerCost]:
    """Every layer's cost in the network as it is activated now, measured by one forward pass over a single image.

    `images` is what the network takes: a list of one [3, H, W], or a batch of one. A layer that runs more than once is
    counted as often, in rows of one name. The second stage of a two-stage detector runs on `counted_proposals` boxes,
    however many its first stage would make. Raises CostError for a module with parameters that no rule counts. The
    network is left as it was.
    """
    rows: list[LayerCost] = []
    handles = [
        module.register_forward_hook(_counter(name, rows))
        for name, module in network.named_modules()
        if isinstance(module, SearchableUnit | nn.Conv2d | nn.Linear)
    ]
    training = network.training
    try:
        count = counted_proposals(network)
        network.eval()
        if count is None:
            network(images)
        else:
            network(images, proposals=[torch.tensor([_ANY_BOX] * count, device=images[0].device)])
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return rows + _uncomputed(network, {layer.name for layer in rows})


def _counter(name: str, rows: list[LayerCost]) -> Callable[[nn.Module, Any, Tensor], None]:
    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        seen = any(layer.name == name for layer in rows)
        own = (
            [*_box_cost(name, module, output), _unit_cost(name, module, output)]
            if isinstance(module, SearchableUnit)
            else [_real_cost(name, module, output)]
        )
        # A layer that runs on every pyramid level multiplies often but is stored once.
        rows.extend(replace(cost, memory_bits=0) if seen else cost for cost in own)

    return count


def _unit_cost(unit_name: str, unit: SearchableUnit, output: Tensor) -> LayerCost:
    chosen, shape = method(unit.active), unit.shape.weight
    alternative = cast(Alternative, unit.alternatives[unit.active])
    boxes = unit.shape.groups if alternative.has_centre else 0
    macs = macs_of((shape[0] * alternative.bases + boxes, *shape[1:]), output.shape)
    own = sum(
        parameter.numel()
        for name, module in alternative.named_modules()
        if not isinstance(module, nn.Conv2d | nn.Linear)  # counted with their products, as layers of their own
        for key, parameter in module.named_parameters(recurse=False)
        if f"{name}.{key}".lstrip(".").partition(".")[0] not in alternative.folded
    )
    # A BatchNorm whose factor is 1 is one threshold a channel.
    own -= sum(one.norm.num_features for one in alternative.modules() if isinstance(one, InputNorm))
    scales = 0 if chosen.weight_bits == max(WIDTHS) else shape[0] * alternative.bases
    bias = 0 if unit.bias is None else unit.bias.numel()
    memory = math.prod(shape) * chosen.weight_bits * alternative.bases + (own + scales + bias) * 32
    return LayerCost(unit_name, unit.active, macs, chosen.weight_bits, chosen.input_bits, memory)


def _box_cost(unit_name: str, unit: SearchableUnit, output: Tensor) -> list[LayerCost]:
    """The product of sums of signs with the centre of each output channel, where the method has one."""
    alternative = cast(Alternative, unit.alternatives[unit.active])
    if not alternative.has_centre:
        return []
    channels = unit.shape.out_channels
    name = f"{unit_name}{INSIDE_A_UNIT}{unit.active}.centre".lstrip(".")
    return [LayerCost(name, REAL, macs_of((channels,), output.shape), 32, 32, channels * 32)]


def _real_cost(name: str, module: nn.Module, output: Tensor) -> LayerCost:
    weight = module.get_parameter("weight")
    memory = sum(p.numel() for p in module.parameters(recurse=False)) * 32
    return LayerCost(name, REAL, macs_of(weight.shape, output.shape), 32, 32, memory)


def _uncomputed(network: nn.Module, counted: set[str]) -> list[LayerCost]:
    """Parameters of layers that multiply nothing we count: they take memory all the same."""
    rows = []
    units = [module for module in network.modules() if isinstance(module, SearchableUnit)]
    with_units = {module for unit in units for module in unit.alternatives.modules()}  # counted there, when active
    for name, module in network.named_modules():
        size = sum(p.numel() for p in module.parameters(recurse=False))
        if not size or name in counted or module in with_units:
            continue
        if isinstance(module, SearchableUnit | nn.Conv2d | nn.Linear):
            raise CostError(f"{name} holds {size} parameters but took no part in the forward pass.")
        if any(p.ndim > 1 for p in module.parameters(recurse=False)):  # a matrix or kernel multiplies; a vector scales
            raise CostError(f"No counting rule for {name}, a {type(module).__name__} with {size} parameters.")
        rows.append(LayerCost(name, type(module).__name__, 0, 32, 32, size * 32))
    return rows
