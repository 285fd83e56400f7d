"""A 1-bit unit of the student beside the twin's unit of the same name, with what layer terms compute of the two."""

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

Inputs = Literal["student", "twin"]
"""On which input the real side computes: the student unit's own (the default), or what the twin's unit sees."""


@dataclass(frozen=True)
class LayerPair:
    """One layer in two precisions; each product is computed once, whichever terms ask for it.

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
        """The layer in each of its runs: one, or one a pyramid level."""
        return (self, *self.others)

    @cached_property
    def real_input(self) -> Tensor:
        """a (N, Ci, H, W)."""
        return activated(self.x.detach(), self.trace.shape.activation)

    @cached_property
    def real_product(self) -> Tensor:
        """a (*) w (N, Co, Ho, Wo)."""
        with torch.no_grad():
            return convolve(self.real_input, self.weight, self.trace.shape)

    @cached_property
    def binary_product(self) -> Tensor:
        """a^ (*) w^ (N, Co, Ho, Wo), unscaled, with a gradient towards the binary weight."""
        trace = self.trace
        return convolve(trace.binary_input.detach(), trace.binary_weight, trace.shape, trace.pad_value)


def layer_pairs(
    traces: Mapping[str, LayerTrace], twin: Mapping[str, nn.Module], inputs: Mapping[str, list[Tensor]] | None = None
) -> dict[str, LayerPair]:
    """Each traced unit beside the twin's; `inputs` are the twin's own by unit, one a run, or else the student's."""
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
    """The layers of a teacher that layer terms may compare the student's with: units, or plain convolutions where the
    student's are opened.

    Raises ValueError, naming the first layer that is missing, of another shape or without a real weight.
    """
    modules = dict(network.named_modules())
    layers: dict[str, nn.Module] = {}
    for name, unit in searchable_units(student).items():
        found = modules.get(name)
        if not isinstance(found, SearchableUnit | nn.Conv2d):
            raise ValueError(f"The teacher {teacher!r} can't teach a layer term: it has no unit {name}.")
        shape = found.shape.weight if isinstance(found, SearchableUnit) else tuple(found.get_parameter("weight").shape)
        if shape != unit.shape.weight:
            raise ValueError(
                f"The teacher {teacher!r} can't teach a layer term: the weight of its unit {name} is {shape}, "
                f"that of the student's {unit.shape.weight}."
            )
        layers[name] = found
        real_weight(name, layers)
    return layers


@contextmanager
def recorded_inputs(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Tensor]]]:
    """Within this context a forward pass leaves each layer's inputs (N, Ci, H, W) in the mapping by name, one a run."""
    inputs: dict[str, list[Tensor]] = {}

    def keep(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return layer.register_forward_pre_hook(lambda _, given: inputs.setdefault(name, []).append(given[0].detach()))

    handles = [keep(name, layer) for name, layer in layers.items()]
    try:
        yield inputs
    finally:
        for handle in handles:
            handle.remove()
