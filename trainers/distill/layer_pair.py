"""A 1-bit unit of the student paired with the twin's unit of the same name, with the products that layer terms read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, cast

import torch
from torch import Tensor, nn

from spaces.detectors import searchable_units
from spaces.layers import LayerTrace, SearchableUnit
from spaces.layers.real import activated, convolve
from spaces.precision import in_float32

Inputs = Literal["student", "twin"]
"""The input of the real side: the student unit's own (the default), or that of the twin's unit."""


@dataclass(frozen=True)
class LayerPair:
    """One layer in two precisions; each product is computed once, however many terms read it.

    trace: the student's unit in this pass. weight (Co, Ci, k, k): the twin's. x (N, Ci, H, W): the real side's input.
    The real side gets no gradient, and the 1-bit side none towards its input. others: the later runs of a layer that
    runs more than once in a pass.

    The paper prints the real product as a (*) w, a the input of the layer. A unit of ours takes its pre-activation
    along, so that a is relu(x) (whatever the twin's unit computes) while the 1-bit side takes the sign of x: that
    the ReLU belongs to the real side is our reading.
    """

    trace: LayerTrace
    weight: Tensor
    x: Tensor
    others: tuple["LayerPair", ...] = ()

    @property
    def runs(self) -> tuple["LayerPair", ...]:
        """The layer in each of its runs: one, or one per pyramid level."""
        return (self, *self.others)

    @cached_property
    def real_input(self) -> Tensor:
        """a (N, Ci, H, W)."""
        return activated(in_float32(self.x.detach()), self.trace.shape.activation)

    @cached_property
    def real_product(self) -> Tensor:
        """a (*) w (N, Co, Ho, Wo)."""
        with torch.no_grad():
            return convolve(self.real_input, self.weight, self.trace.shape)

    @cached_property
    def binary_product(self) -> Tensor:
        """a^ (*) w^ (N, Co, Ho, Wo), unscaled, with a gradient towards the binary weight; see `convolved`."""
        return convolve(self.trace.binary_input.detach(), self.convolved, self.trace.shape, self.trace.pad_value)

    @property
    def convolved(self) -> Tensor:
        """w^ (Co, Ci, k, k); alpha w^ + centre of a weight with a centre, which isn't of opposite levels."""
        return self.trace.binary_weight if self.trace.centre is None else self.trace.scaled_weight


def layer_pairs(
    traces: Mapping[str, LayerTrace], twin: Mapping[str, nn.Module], inputs: Mapping[str, list[Tensor]] | None = None
) -> dict[str, LayerPair]:
    """Each traced unit paired with the twin's; `inputs` are the twin's own, one per run, else the student's."""
    pairs = {}
    for name, trace in traces.items():
        weight, runs = real_weight(name, twin), (trace, *trace.others)
        own = [run.x for run in runs] if inputs is None else inputs[name]
        first, *others = (LayerPair(run, weight, x) for run, x in zip(runs, own, strict=True))
        pairs[name] = replace(first, others=tuple(others))
    return pairs


def real_weight(name: str, twin: Mapping[str, nn.Module]) -> Tensor:
    """The weight of the twin's layer, without a gradient."""
    weight = twin[name].weight
    if weight is None:
        raise ValueError(f"The teacher's unit {name} has no real weight to compare with.")
    return cast(Tensor, weight).detach()


def check_twin(teacher: str, student: nn.Module, network: nn.Module) -> dict[str, nn.Module]:
    """The teacher's layers with which layer terms compare those of the student that may be 1-bit: units, or plain
    convolutions if the student's units are opened ones.

    Raises ValueError, naming the first layer that is missing, of another shape or without a real weight.
    """
    modules = dict(network.named_modules())
    layers: dict[str, nn.Module] = {}
    for name, unit in searchable_units(student).items():
        if not unit.may_leave_trace:
            continue
        layer = modules.get(name)
        if not isinstance(layer, SearchableUnit | nn.Conv2d):
            raise ValueError(f"The teacher {teacher!r} can't teach a layer term: it has no unit {name}.")
        shape = layer.shape.weight if isinstance(layer, SearchableUnit) else tuple(layer.get_parameter("weight").shape)
        if shape != unit.shape.weight:
            raise ValueError(
                f"The teacher {teacher!r} can't teach a layer term: the weight of its unit {name} is {shape}, "
                f"that of the student's {unit.shape.weight}."
            )
        layers[name] = layer
        real_weight(name, layers)
    return layers


@contextmanager
def recorded_inputs(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Tensor]]]:
    """Within this context a forward pass stores each layer's inputs (N, Ci, H, W) in the mapping, one per run."""
    inputs: dict[str, list[Tensor]] = {}

    def record(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return layer.register_forward_pre_hook(lambda _, args: inputs.setdefault(name, []).append(args[0].detach()))

    handles = [record(name, layer) for name, layer in layers.items()]
    try:
        yield inputs
    finally:
        for handle in handles:
            handle.remove()
